import { strictEqual } from "node:assert/strict";
import { publishedAtMs, timestampMsOf } from "./message.ts";
import { uuidv7 } from "./message_id.ts";

const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const random = new Uint8Array(10);

function delivery(messageId: string, timestampMs: number | undefined) {
  return { messageId, timestampMs, headers: {} };
}

Deno.test("publishedAtMs() takes the millisecond from an id that matches the message's time", () => {
  strictEqual(publishedAtMs(delivery(uuidv7(atMs, random), atMs - 678)), atMs);
});

Deno.test("publishedAtMs() uses the message's time when its id has another time or kind", () => {
  strictEqual(publishedAtMs(delivery(uuidv7(Date.UTC(2024, 5, 28), random), atMs - 678)), atMs - 678);
  strictEqual(publishedAtMs(delivery("017f22e2-79b0-4cc3-98c4-dc0c0c07398f", atMs)), atMs);
});

Deno.test("publishedAtMs() ignores the time that a dead letter waited for its replay", () => {
  const replayed = { ...delivery(uuidv7(atMs, random), atMs), headers: { "dead-replays": 1 } };
  strictEqual(publishedAtMs(replayed), undefined);
});

Deno.test("publishedAtMs() returns nothing when it would have to guess", () => {
  strictEqual(publishedAtMs(delivery(uuidv7(atMs, random), undefined)), undefined);
});

Deno.test("timestampMsOf() knows milliseconds from seconds, and ignores other values", () => {
  strictEqual(timestampMsOf(1_700_000_000), 1_700_000_000_000);
  strictEqual(timestampMsOf(1_700_000_000_123), 1_700_000_000_123);
  for (const none of [1_700_000_000_123_456, 2 ** 63, 2 ** 64, -1, NaN, "1700000000", undefined]) {
    strictEqual(timestampMsOf(none), undefined, String(none));
  }
});
