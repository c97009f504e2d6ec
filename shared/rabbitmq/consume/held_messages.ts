/** Messages that a consumer could only reject, and that it holds because their queue may drop what is rejected. */

export interface HeldMessages {
  readonly messages: number;
  /** When the first of them was held, monotonic ms. */
  readonly since: number;
  /** When the oldest was published, or came if its publisher did not say: milliseconds since 1970. */
  readonly oldestPublishedAtMs: number;
  /** Whether the broker delivers others beside them. */
  readonly takesMore: boolean;
}

export const cureOfHeld = "see whether the queue has an x-dead-letter-exchange (deno task provision does), " +
  "and set TOPOLOGY=provisioned";

/** Why they are held, and the way out. */
export function describeHeld({ messages, takesMore }: HeldMessages): string {
  const what = messages === 1 ? "1 message" : `${messages} messages`;
  const more = takesMore ? "" : "; nothing more is taken";
  return `${what} that it can only reject, and what its queue rejects may be lost${more}: ${cureOfHeld}`;
}
