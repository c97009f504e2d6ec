import type { Headers } from "./message.ts";
import type { Origin } from "./origin/origin.ts";
import type { Outcome } from "./outcome.ts";

/** One message that a subscriber holds and must settle once. */
export interface Delivery {
  /** The idempotency key: a UUID in lower case. Derived from the body when a foreign publisher sent no UUID. */
  readonly messageId: string;
  readonly body: Uint8Array;
  /** Calls `read` with bytes that contain the body between `start` and `end`: cheaper than a view of them. */
  readBody?<T>(read: (bytes: Uint8Array, start: number, end: number) => T): T;
  readonly headers: Headers;
  /** The id as its publisher sent it, if it differs from `messageId`: in another case or form, or not a UUID. */
  readonly sentId?: string | undefined;
  /** How the message arrived, for forwarding it; `undefined` for a message that was made in this process. */
  readonly origin?: Origin | undefined;
  /** The member that published it, if known. */
  readonly appId: string | undefined;
  /** When it was published, in milliseconds since 1970, if known. */
  readonly timestampMs: number | undefined;
  /** Its channel is closed: it can no longer be settled, and the broker redelivers it. */
  readonly isLost?: boolean;
}

/** The subscriber's end of the queue. */
export interface EventQueue {
  /**
   * Returns up to `limit` buffered deliveries, oldest first. Waits for the first, never for more.
   * @returns an empty array once the signal is aborted
   */
  take(limit: number, signal: AbortSignal): Promise<Delivery[]>;

  /**
   * Settles each delivery according to its outcome. Ignores deliveries that have gone back to the queue.
   *
   * The broker confirms a dead letter before its original is acked. Publishing the dead letter is retried until the
   * signal is aborted; then the original stays unacknowledged.
   * @throws an error of our own code; a delivery whose dead letter could not be published for it is requeued
   */
  settle(settlements: readonly Settlement[], signal: AbortSignal): Promise<void>;
}

/** One of several subscriptions on the same queue. */
export interface Subscription extends EventQueue {
  /** Returns unsettled deliveries to the queue; they can no longer be settled. */
  close(): Promise<void>;
}

export interface Settlement {
  readonly delivery: Delivery;
  readonly outcome: Outcome;
}
