import type { Headers } from "./message.ts";
import type { Origin } from "./origin/origin.ts";
import type { Outcome } from "./outcome.ts";

/** One message in the hands of a subscriber, which owes the broker one settlement for it. */
export interface Delivery {
  /** A UUID in lower case: the idempotency key. Derived from the body when a foreign publisher gave none. */
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
  /** The id that its publisher sent, where that is another text: in other letters or form, or no UUID at all. */
  readonly sentId?: string | undefined;
  /** How it came, for a message that passes it on; `undefined` for a message that was made in this process. */
  readonly origin?: Origin | undefined;
  /** The member that published it, if it said so. */
  readonly appId: string | undefined;
  /** When it was published, if the publisher said so: milliseconds since 1970. */
  readonly timestampMs: number | undefined;
  /** The broker delivers it again: the channel that brought it is gone, and it can no longer be settled. */
  readonly isLost?: boolean;
}

/** The subscriber's end of the queue. */
export interface EventQueue {
  /**
   * Up to `limit` deliveries that are at hand, oldest first. Waits for the first, never for more.
   * @returns an empty array once the signal is aborted
   */
  take(limit: number, signal: AbortSignal): Promise<Delivery[]>;

  /**
   * Settles each delivery as its outcome says. A dead letter is confirmed by the broker
   * before its original is acked; while it cannot be published it is tried again until the signal is aborted, and then
   * stays unacknowledged. Nothing happens to a delivery that has gone back to the queue meanwhile.
   * @throws a fault of ours; what could not be published for that is requeued
   */
  settle(settlements: readonly Settlement[], signal: AbortSignal): Promise<void>;
}

/** An end that its subscriber opened, among others on the same queue. */
export interface Subscription extends EventQueue {
  /** What is not settled goes back to the queue, and can no longer be settled. */
  close(): Promise<void>;
}

export interface Settlement {
  readonly delivery: Delivery;
  readonly outcome: Outcome;
}
