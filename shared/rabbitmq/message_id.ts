import { createHash } from "node:crypto";
import type { Headers } from "./message.ts";
import { originHeaders } from "./origin/origin.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Other forms of a UUID: as a URN (RFC 9562), in braces, or without hyphens. */
const enclosed = /^(?:urn:uuid:([0-9a-f-]{36})|\{([0-9a-f-]{36})\})$/i;
const digits = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;
/** Both mean "no UUID": RFC 9562, sections 5.9 and 5.10. */
const [nil, max] = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];

/** Returns the id in lower case, as Postgres does; `undefined` for the nil and max UUIDs and for any other text. */
export function parseMessageId(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  const id = (uuid.test(text) ? text : inOtherForm(text))?.toLowerCase();
  return id === nil || id === max ? undefined : id;
}

function inOtherForm(text: string): string | undefined {
  const [, urn, braced] = enclosed.exec(text) ?? [];
  const inner = urn ?? braced;
  if (inner !== undefined) return uuid.test(inner) ? inner : undefined;
  return digits.exec(text)?.slice(1).join("-");
}

/** Returns the message's own id, or an id derived from its body. */
export function messageIdOf(sent: unknown, body: Uint8Array): string {
  return parseMessageId(sent) ?? messageIdOfBody(body, 0);
}

/** Returns the id as the publisher sent it; `undefined` if it sent none, or sent exactly `messageId`. */
export function sentIdOf(sent: unknown, messageId: string, headers: Headers): string | undefined {
  if (sent !== messageId && typeof sent === "string" && sent !== "") return sent;
  const passedOn = headers[originHeaders.messageId];
  return typeof passedOn === "string" ? passedOn : undefined;
}

/**
 * Derives a UUIDv7 (RFC 9562) from the body: its random part is the body's SHA-256. So a file that is published twice,
 * or an event that a foreign publisher resends without an id, is stored once.
 * @param ms the UUID's time in milliseconds since 1970; 0 if the body's time is unknown
 *
 * @example
 * ```ts
 * import { notStrictEqual, strictEqual } from "node:assert/strict";
 *
 * const [once, again, other] = ["a", "a", "b"].map((text) => messageIdOfBody(new TextEncoder().encode(text), 0));
 * strictEqual(once, again);
 * notStrictEqual(once, other);
 * ```
 */
export function messageIdOfBody(body: Uint8Array, ms: number): string {
  return uuidv7(ms, createHash("sha256").update(body).digest());
}

/** The time of a UUIDv7, in milliseconds since 1970. */
export function msOfMessageId(id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** @param random at least 10 bytes; 74 bits are used */
export function uuidv7(ms: number, random: Uint8Array): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0").slice(-12);
  const bytes = Array.from(random.subarray(0, 10));
  bytes[0] = 0x70 | (bytes[0]! & 0x0f);
  bytes[2] = 0x80 | (bytes[2]! & 0x3f);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
}
