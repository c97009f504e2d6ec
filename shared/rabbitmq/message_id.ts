import { createHash } from "node:crypto";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id in lower case, as Postgres has it; `undefined` when it is no UUID. */
export function parseMessageId(text: unknown): string | undefined {
  return typeof text === "string" && uuid.test(text) ? text.toLowerCase() : undefined;
}

/**
 * A UUIDv7 (RFC 9562) that says the same for the same body each time: its random part is the body's SHA-256. So a file
 * that is published twice, or an event that a foreign publisher sends again without an id, is one event.
 * @param ms the UUID's time, milliseconds since 1970; 0 where the body's time is not known
 */
export function messageIdOfBody(body: Uint8Array, ms: number): string {
  return uuidv7(ms, createHash("sha256").update(body).digest());
}

/** @param random at least 10 bytes, of which 74 bits are used */
export function uuidv7(ms: number, random: Uint8Array): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0").slice(-12);
  const bytes = Array.from(random.subarray(0, 10));
  bytes[0] = 0x70 | (bytes[0]! & 0x0f);
  bytes[2] = 0x80 | (bytes[2]! & 0x3f);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
}
