/** Takes a player's personal data out of what is stored. What it has done stays done: another run goes on. */
import type { Session } from "../../shared/postgres/session.ts";
import { eraseEvents, type Survey, surveyEvents } from "./events.ts";
import { countLetters, eraseLetters, soughtOf } from "./letters.ts";

/** What there is of the player. */
export interface Found extends Survey {
  readonly letters: number;
  /** Whether the casino's table has the player. */
  readonly isPlayer: boolean;
  /** What letters are searched for. */
  readonly sought: readonly string[];
}

export interface Erased {
  events: number;
  letters: number;
  players: number;
}

/** @param part of the work, and how much of it is done: from 0 to 1 */
export type Tell = (part: string, share: number) => void;

export async function look(sql: Session, player: bigint, tell: Tell): Promise<Found> {
  const survey = await surveyEvents(sql, player, (share) => tell("looking at events", share));
  const rows = await sql.query<{ email: string | null }>("select email::text from players where id = $1::bigint", [
    String(player),
  ]);
  const sought = soughtOf(new Set([...survey.emails, ...rows.flatMap(({ email }) => email ?? [])]));
  tell("looking at dead letters", 0);
  return { ...survey, letters: await countLetters(sql, sought), isPlayer: rows.length > 0, sought };
}

export interface EraseOptions {
  readonly sql: Session;
  readonly player: bigint;
  readonly found: Found;
  /** Whether the casino's own row goes as well. */
  readonly playerRow: boolean;
  readonly tell: Tell;
  readonly stop: AbortSignal;
}

/**
 * Letters come before events: a run that is cut off in between still finds in the events by which e-mail to search letters.
 * @param erased is added to as it goes on
 */
export async function erase(options: EraseOptions, erased: Erased): Promise<void> {
  const { sql, player, found, playerRow, tell, stop } = options;
  if (playerRow) {
    // First: what is stored from now on has no e-mail.
    const rows = await sql.query("delete from players where id = $1::bigint returning id", [String(player)]);
    erased.players += rows.length;
  }
  await eraseLetters(sql, found.sought, (count) => {
    erased.letters += count;
    tell("dead letters", found.letters === 0 ? 1 : Math.min(1, erased.letters / found.letters));
  }, stop);
  const onErased = (count: number) => {
    erased.events += count;
    tell("events", found.events === 0 ? 1 : Math.min(1, erased.events / found.events));
  };
  for (const chunk of found.chunks) await eraseEvents(sql, player, chunk, onErased, stop);
  if (stop.aborted) return;
  const since = await surveyEvents(sql, player, () => {}, found.ends);
  for (const chunk of since.chunks) await eraseEvents(sql, player, chunk, onErased, stop);
}
