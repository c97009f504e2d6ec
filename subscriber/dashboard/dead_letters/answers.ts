/** The answers about dead letters that the page reads. Unsafe integers are decimal strings, as in ../answers.ts. */

export type LetterStatus = "dead" | "replayed" | "dropped" | "resolved";
export type EventJson = Readonly<Record<string, unknown>>;

export interface DeadLetter {
  readonly message_id: string;
  /** The publisher's own id, when it differs from the message id. */
  readonly sent_id: string | null;
  readonly reason: string;
  readonly detail: string;
  /** The same for all letters of one cause. */
  readonly group: string;
  readonly subscriber: string | null;
  readonly first_failed_at: string | null;
  readonly last_failed_at: string | null;
  readonly attempts: number;
  readonly replays: number;
  readonly status: LetterStatus;
  /** Distinguishes letters with the same message id; `null` in the demo. */
  readonly number: number | string | null;
  /** The number of the letter whose replay was dead-lettered as this one. */
  readonly previous: number | string | null;
  /** The user who last replayed, dropped or restored the letter. */
  readonly acted_by: string | null;
  readonly acted_at: string | null;
  readonly stored_by: string | null;
  readonly stored_at: string | null;
  /** The last edit, which a replay publishes. */
  readonly edited: { readonly by: string; readonly at: string; readonly event: EventJson } | null;
  readonly event: EventJson | null;
  readonly body_problem: string | null;
  /** The first bytes of the body. */
  readonly body_base64: string;
  /** Length of the whole body. */
  readonly body_bytes: number;
}

/** The oldest first. */
export interface LetterHistory {
  /** One letter per failure of the message, in any status. */
  readonly letters: readonly DeadLetter[];
  readonly edits: readonly {
    /** Its number. */
    readonly letter: DeadLetter["number"];
    readonly by: string;
    readonly at: string;
    /** The event after the edit. */
    readonly event: EventJson;
  }[];
  /** Older ones than these. */
  readonly more: boolean;
}

export interface DeadLetterList {
  /** Letters with status dead, whether they match or not. */
  readonly total: number;
  /** Letters in the dead letter queue, which no keeper has moved yet. */
  readonly waiting: number | null;
  /** Where the next page begins; `null` on the last page. */
  readonly next: string | null;
  readonly dead_letters: readonly DeadLetter[];
}

export interface CauseGroup {
  readonly group: string;
  readonly reason: string;
  /** The detail without its values. */
  readonly cause: string;
  readonly letters: number;
  readonly first_at: string | null;
  readonly last_at: string | null;
  /** The newest letter. */
  readonly sample: { readonly message_id: string; readonly detail: string };
  readonly taken: Taken | null;
}

/** The user who looks after a group. */
export interface Taken {
  readonly by: string;
  readonly at: string;
  readonly note: string;
  /** Letters that came after the group was taken. */
  readonly more: number;
}

/** The result of an act that ends with its request. */
export type Done =
  | { readonly replayed: number; readonly refused: number; readonly failed: number; readonly problem?: string }
  | { readonly dropped: number }
  | { readonly restored: number };

export type ManyAct = "replay" | "drop" | "undo";

export interface Job {
  readonly id: string;
  readonly act: ManyAct | "edit";
  readonly state: "running" | "paused" | "cancelled" | "done" | "stopped";
  readonly filter: Readonly<Record<string, unknown>>;
  readonly created_by: string;
  readonly created_at: string;
  readonly finished_at: string | null;
  /** Letters a second at most. */
  readonly rate: number;
  readonly total: number;
  readonly done: number;
  readonly refused: number;
  readonly failed: number;
  readonly problem: string | null;
  /** Only in the answer about one job: the outcomes of the letters that it replayed. */
  readonly stored?: number;
  readonly died?: number;
  readonly deaths?: readonly { readonly message_id: string; readonly reason: string; readonly detail: string }[];
}

/** One letter before and after an edit, whether previewed or saved. */
export interface Edit {
  readonly message_id: string;
  readonly before: EventJson | null;
  readonly after: EventJson | null;
  readonly problem: string | null;
}
