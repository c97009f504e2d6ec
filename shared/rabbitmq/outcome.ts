/** The decision about a delivery, as a value: the code that decides never touches a channel. */
export type Outcome = Ack | Dead | Requeue;

/** The event is stored. */
export interface Ack {
  readonly kind: "ack";
  /** The event was stored before, or is twice in the same batch. */
  readonly isDuplicate?: true;
}

/** The event cannot be processed and goes to the dead letter queue. */
export interface Dead {
  readonly kind: "dead";
  readonly reason: DeadReason;
  /** The exact problem, for operators. Cut to {@linkcode maxDetailBytes} when it is published. */
  readonly detail: string;
}

/**
 * This subscriber could not finish the delivery, which goes back to the queue. Only for shutdown: each requeue counts
 * towards the broker's delivery limit.
 */
export interface Requeue {
  readonly kind: "requeue";
}

export const deadReasons = [
  "undecodable",
  "invalid",
  "unknown-currency",
  "rates-timeout",
  "store-rejected",
  /** Another event is stored under the same message id. */
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
