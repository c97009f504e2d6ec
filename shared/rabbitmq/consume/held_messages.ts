/** Messages that the consumer could only reject, and holds because their queue may drop rejected messages. */

export interface HeldMessages {
  readonly messages: number;
  /** When the first message was held, in monotonic ms. */
  readonly since: number;
  /** When the oldest was published or, if that is unknown, held, in milliseconds since 1970. */
  readonly oldestPublishedAtMs: number;
  /** Whether the broker still delivers other messages. */
  readonly takesMore: boolean;
}

export const cureOfHeld = "see whether the queue has an x-dead-letter-exchange (deno task provision does), " +
  "and set TOPOLOGY=provisioned";

/** Returns why the messages are held, and the way out. */
export function describeHeld({ messages, takesMore }: HeldMessages): string {
  const what = messages === 1 ? "1 message" : `${messages} messages`;
  const more = takesMore ? "" : "; nothing more is taken";
  return `${what} that it can only reject, and what its queue rejects may be lost${more}: ${cureOfHeld}`;
}
