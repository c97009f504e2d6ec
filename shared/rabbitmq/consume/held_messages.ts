/** Messages that the consumer could only reject, and holds because their queue may drop rejected messages. */
import { plural } from "../../runtime/printable.ts";

export interface HeldMessages {
  readonly messages: number;
  /** When the first message was held, in monotonic ms. */
  readonly since: number;
  /** When the oldest was published or, if that is unknown, held, in milliseconds since 1970. */
  readonly oldestPublishedAtMs: number;
  /** Whether the broker still delivers other messages. */
  readonly takesMore: boolean;
}

export const cureOfHeld = "check that the queue has an x-dead-letter-exchange (deno task provision sets it), " +
  "then set TOPOLOGY=provisioned";

/** Returns why the messages are held, and the way out. */
export function describeHeld({ messages, takesMore }: HeldMessages): string {
  const what = plural(messages, "message");
  const more = takesMore ? "" : "; the broker delivers no further messages";
  return `${what} that can only be rejected, but the queue may drop rejected messages${more}: ${cureOfHeld}`;
}
