import type { Change } from "../../event/change.ts";
import type { DeadLetter, Status } from "./dead_letter.ts";
import type { EditOutcome } from "./edit.ts";

/** Which letters: all that is given must hold. Without anything, all that are dead. */
export interface Filter {
  /** With one of these; those that are dead, if left out. An act passes over letters that it does not apply to. */
  readonly statuses?: readonly Status[];
  readonly reasons?: readonly string[];
  /** Message ids, or what the publisher sent in their place. Ids in lower case. */
  readonly ids?: readonly string[];
  /** Of {@linkcode causeOf}. */
  readonly groups?: readonly string[];
  /** When it failed last: not before, and before. Milliseconds since 1970. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly playerId?: bigint;
  readonly eventId?: bigint;
  /** Part of the detail, in letters of either case. */
  readonly text?: string;
  /** Replayed less often. */
  readonly replaysBelow?: number;
}

/**
 * What an operator can do with dead letters, wherever they are kept. Looking changes nothing: no letter is hidden, moved or
 * counted for it. An act is on those letters alone that were there when it began.
 */
export interface DeadLetterAdmin {
  /** Those that match, page by page. */
  list(options: ListOptions): Promise<LetterPage>;

  /** What those that match failed of, most letters first. */
  groups(options: AdminOptions): Promise<readonly CauseGroup[]>;

  /**
   * Publishes again what matches, under its own id. `refused`: it was replayed ten times and died each time; `failed`: no
   * queue took it. Both stay where they are. One that runs out of time stops where it is, and tells what it has done.
   */
  replay(options: AdminOptions): Promise<Replays>;

  /** Removes what matches from the dead letters. @returns how many letters that were */
  drop(options: AdminOptions): Promise<number>;

  /** Puts what was dropped, and matches, back among the dead letters. @returns how many letters that were */
  undo(options: AdminOptions): Promise<number>;

  /** What a change makes, or would make, of the oldest that match and are dead, page by page. */
  edit(options: EditOptions): Promise<EditPage>;

  close(): Promise<void>;
}

export interface EditOptions extends Omit<ListOptions, "order"> {
  readonly change: Change;
  /** Says what it would do, and does nothing. */
  readonly preview: boolean;
}

export interface EditPage {
  readonly outcomes: readonly EditOutcome[];
  readonly next: string | undefined;
}

export interface AdminOptions {
  readonly filter: Filter;
  /** Stops before the next letter; then its reason is thrown. */
  readonly signal: AbortSignal;
  /** Who acts, noted with what was done; the admin itself if left out. */
  readonly by?: string | undefined;
}

export interface ListOptions extends AdminOptions {
  readonly limit: number;
  /** Which first: in the order in which they came to the dead letters. */
  readonly order?: "oldest" | "newest";
  /** A page's {@linkcode LetterPage.next}. */
  readonly after?: string | undefined;
  /** Of each body no more need be read, from its beginning; 64 KiB if left out. */
  readonly mostBodyBytes?: number;
}

export interface LetterPage {
  readonly letters: readonly DeadLetter[];
  /** How many letters there are in all, whether they match or not. */
  readonly total: number;
  /** Where the next page begins; `undefined` when this is the last. */
  readonly next: string | undefined;
}

export interface CauseGroup {
  readonly group: string;
  readonly reason: string;
  /** The detail without its values. */
  readonly cause: string;
  readonly letters: number;
  /** When one of them failed last, RFC 3339: of the first and of the last. */
  readonly firstAt: string | undefined;
  readonly lastAt: string | undefined;
  /** The newest of them. */
  readonly sample: Pick<DeadLetter, "messageId" | "detail">;
  /** Somebody looks after it. */
  readonly taken?: Taken | undefined;
}

export interface Taken {
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  /** A ticket, or other words. */
  readonly note: string;
  /** Letters that came afterwards. */
  readonly more: number;
}

/** The keys of `groups`. */
export function groupToJson({ group, reason, cause, letters, firstAt, lastAt, sample, taken }: CauseGroup) {
  return {
    ...{ group, reason, cause, letters, first_at: firstAt ?? null, last_at: lastAt ?? null },
    sample: { message_id: sample.messageId, detail: sample.detail },
    taken: taken ?? null,
  };
}

export interface Replays {
  readonly replayed: number;
  readonly refused: number;
  readonly failed: number;
  /** Why the first of those that failed did so, or why it stands still. */
  readonly problem?: string;
}

/** Nothing more is done once it is closed. */
export class AdminClosed extends Error {
  override readonly name = "AdminClosed";
  constructor() {
    super("The admin for dead letters is closed.");
  }
}

export function matches(letter: DeadLetter & { readonly group: string }, filter: Filter): boolean {
  const { statuses = ["dead"], reasons, ids, groups, sinceMs, untilMs, playerId, eventId, text, replaysBelow } = filter;
  const failedMs = Date.parse(letter.lastFailedAt ?? "");
  return statuses.includes(letter.fate?.status ?? "dead") && (reasons?.includes(letter.reason) ?? true) &&
    (ids?.some((id) => id === letter.messageId || id === letter.sentId) ?? true) &&
    (groups?.includes(letter.group) ?? true) &&
    (sinceMs === undefined || failedMs >= sinceMs) && (untilMs === undefined || failedMs < untilMs) &&
    (playerId === undefined || letter.event?.playerId === playerId) &&
    (eventId === undefined || letter.event?.id === eventId) &&
    (replaysBelow === undefined || letter.replays < replaysBelow) &&
    (text === undefined || letter.detail.toLowerCase().includes(text.toLowerCase()));
}
