import type { Delivery } from "./delivery.ts";

/** How far a message id's time may be from the message's own, which is in whole seconds, to be taken for the same. */
const sameMs = 2_000;

/**
 * When it was published, milliseconds since 1970: to the millisecond where its id is a UUIDv7 (RFC 9562) of that time, else to
 * the second, or `undefined` when nobody said.
 */
export function publishedAtMs({ messageId, timestampMs }: Delivery): number | undefined {
  if (timestampMs === undefined) return undefined;
  if (messageId[14] !== "7") return timestampMs;
  const idMs = parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16);
  return Math.abs(idMs - timestampMs) < sameMs ? idMs : timestampMs;
}
