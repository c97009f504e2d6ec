import type { Change } from "../../event/change.ts";
import {
  type DeadLetter,
  deadLetterToJson,
  mostBodyListed,
  type NumberedEdit,
  shownEvent,
  type Status,
} from "./dead_letter.ts";
import { jsonInteger } from "../../event/json.ts";
import type { EditOutcome } from "./edit.ts";

/** Selects letters: every given condition must hold. An empty filter selects all letters with status `dead`. */
export interface Filter {
  /** Default: `dead`. An act skips letters with a status that it does not apply to. */
  readonly statuses?: readonly Status[];
  readonly reasons?: readonly string[];
  /** Message ids in lower case, or the ids as the publisher sent them. */
  readonly ids?: readonly string[];
  /** Groups of {@linkcode causeOf}. */
  readonly groups?: readonly string[];
  /** Range of the last failure, in milliseconds since 1970: `sinceMs` inclusive, `untilMs` exclusive. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly playerId?: bigint;
  readonly eventId?: bigint;
  /** A substring of the detail; case-insensitive. */
  readonly text?: string;
  /** Replayed fewer times than this. */
  readonly replaysBelow?: number;
}

/**
 * An operator's acts on dead letters, for every kind of storage. Reading has no side effects: it does not hide, move or
 * count letters. An act applies only to letters that existed when it began.
 */
export interface DeadLetterAdmin {
  /** Lists the matching letters, page by page. */
  list(options: ListOptions): Promise<LetterPage>;

  /** Returns what happened to one message: no letters when it never died. */
  history(options: HistoryOptions): Promise<LetterHistory>;

  /** Groups the matching letters by cause, largest group first. */
  groups(options: AdminOptions): Promise<readonly CauseGroup[]>;

  /**
   * Publishes the matching letters again, under their own ids. Letters that are `refused` (already replayed ten times)
   * or `failed` (not confirmed) stay. A replay that times out stops and returns its counts so far.
   */
  replay(options: AdminOptions): Promise<Replays>;

  /** Drops the matching letters. @returns the number of letters */
  drop(options: AdminOptions): Promise<number>;

  /** Makes matching dropped letters dead again. @returns the number of letters */
  undo(options: AdminOptions): Promise<number>;

  /** Applies or previews a change of the matching dead letters, oldest first, page by page. */
  edit(options: EditOptions): Promise<EditPage>;

  close(): Promise<void>;
}

export interface EditOptions extends Omit<ListOptions, "order"> {
  readonly change: Change;
  /** Returns the outcomes without storing the edits. */
  readonly preview: boolean;
}

export interface EditPage {
  readonly outcomes: readonly EditOutcome[];
  readonly next: string | undefined;
}

export interface AdminOptions {
  readonly filter: Filter;
  /** Stops before the next letter and throws the signal's reason. */
  readonly signal: AbortSignal;
  /** The operator, recorded with the act. Default: the admin itself. */
  readonly by?: string | undefined;
}

export interface ListOptions extends AdminOptions {
  readonly limit: number;
  /** By arrival in the dead letter queue. */
  readonly order?: "oldest" | "newest";
  /** The previous page's {@linkcode LetterPage.next}. */
  readonly after?: string | undefined;
  /** Bytes to read from the start of each body, at most. Default: 64 KiB. */
  readonly mostBodyBytes?: number;
}

export interface LetterPage {
  readonly letters: readonly DeadLetter[];
  /** The number of all letters, matching or not. */
  readonly total: number;
  /** Where the next page begins; `undefined` on the last page. */
  readonly next: string | undefined;
}

export interface HistoryOptions {
  /** The message id in lower case, or the id as the publisher sent it. */
  readonly id: string;
  readonly signal: AbortSignal;
}

/** What happened to one message, oldest first. */
export interface LetterHistory {
  /** The message's letters, whatever their status: one for each time that it died. */
  readonly letters: readonly DeadLetter[];
  readonly edits: readonly NumberedEdit[];
  /** Whether there are older letters or edits than these. */
  readonly more: boolean;
}

/** Returns a history with the keys of HTTP. */
export function historyToJson({ letters, edits, more }: LetterHistory) {
  return {
    letters: letters.map((letter) => deadLetterToJson(letter, mostBodyListed)),
    edits: edits.map(({ letter, by, at, event }) => ({
      letter: jsonInteger(letter),
      by,
      at,
      event: shownEvent(event),
    })),
    more,
  };
}

export interface CauseGroup {
  readonly group: string;
  readonly reason: string;
  /** The detail without its values. */
  readonly cause: string;
  readonly letters: number;
  /** The earliest and latest of the letters' last failures, RFC 3339. */
  readonly firstAt: string | undefined;
  readonly lastAt: string | undefined;
  /** The newest letter. */
  readonly sample: Pick<DeadLetter, "messageId" | "detail">;
  /** Set when an operator has taken the group. */
  readonly taken?: Taken | undefined;
}

export interface Taken {
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  /** A ticket or other text. */
  readonly note: string;
  /** The number of letters that came after the group was taken. */
  readonly more: number;
}

/** Returns a group with the keys of `groups --json`. */
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
  /** The problem of the first failed letter, or why the replay is stuck. */
  readonly problem?: string;
}

/** A method was called after `close()`. */
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
