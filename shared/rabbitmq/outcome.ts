/** What becomes of a delivery: a value, so that the code that decides it never touches a channel. */
export type Outcome = Ack | Dead | Requeue;

/** Done: the event is stored. */
export interface Ack {
  readonly kind: "ack";
  /** It was stored before, or comes twice at once. */
  readonly isDuplicate?: true;
}

/** It cannot be processed: to the dead letter queue. */
export interface Dead {
  readonly kind: "dead";
  readonly reason: DeadReason;
  /** For a human: what exactly was wrong. Cut to {@linkcode maxDetailBytes} when it is published. */
  readonly detail: string;
}

/** Back to the queue, because this subscriber could not finish it. Only for shutdown: the broker counts these, up to its delivery limit. */
export interface Requeue {
  readonly kind: "requeue";
}

export const deadReasons = [
  "undecodable",
  "invalid",
  "unknown-currency",
  "rates-timeout",
  "store-rejected",
  /** Another event is stored under its message id. */
  "id-conflict",
  /** A fault in our own code. */
  "processing-failed",
] as const;
export type DeadReason = (typeof deadReasons)[number];

export const ack: Ack = { kind: "ack" };
export const ackDuplicate: Ack = { kind: "ack", isDuplicate: true };
export const requeue: Requeue = { kind: "requeue" };

export function dead(reason: DeadReason, detail: string): Dead {
  return { kind: "dead", reason, detail };
}
