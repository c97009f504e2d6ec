/**
 * Removes a player's personal data from the database. An interrupted run keeps its progress, and the next run
 * continues.
 */
import type { Session } from "../../shared/postgres/session.ts";
import { eraseEvents, type Survey, surveyEvents } from "./events.ts";
import { countLetters, eraseLetters, soughtOf } from "./letters.ts";

/** The data that exists about the player. */
export interface Found extends Survey {
  readonly letters: number;
  /** Whether the casino's table of players contains the player. */
  readonly isPlayer: boolean;
  /** E-mail addresses to search letters for. */
  readonly sought: readonly string[];
}

export interface Erased {
  events: number;
  letters: number;
  players: number;
}

/** @param part name of the current step @param share its progress, from 0 to 1 */
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
  /** Whether to delete the casino's own row as well. */
  readonly playerRow: boolean;
  readonly tell: Tell;
  readonly stop: AbortSignal;
}

/**
 * Erases letters before events. The search in letters needs the e-mail addresses, and an interrupted run still finds
 * them in the events.
 * @param erased counts that the run adds to
 */
export async function erase(options: EraseOptions, erased: Erased): Promise<void> {
  const { sql, player, found, playerRow, tell, stop } = options;
  if (playerRow) {
    // The player's row goes first, so that events stored from now on contain no e-mail.
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
