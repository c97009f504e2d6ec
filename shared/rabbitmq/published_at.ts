import { replaysHeader } from "./dead_letters.ts";
import type { Delivery } from "./delivery.ts";

/** How far a message id's time may be from the message's own, which is in whole seconds, to be taken for the same. */
const sameMs = 2_000;

/**
 * When it was published, milliseconds since 1970: to the millisecond where its id is a UUIDv7 (RFC 9562) of that time, else to
 * the second. `undefined` when nobody said, and for a dead letter that was replayed: it is not we who let it wait.
 */
export function publishedAtMs({ messageId, timestampMs, headers }: Delivery): number | undefined {
  if (timestampMs === undefined || replaysHeader in headers) return undefined;
  if (messageId[14] !== "7") return timestampMs;
  const idMs = parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16);
  return Math.abs(idMs - timestampMs) < sameMs ? idMs : timestampMs;
}
