import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { GetMessage } from "amqplib";
import fc from "fast-check";
import { replaysHeader } from "../message.ts";
import { deadHeaders } from "../publish/dead_letters.ts";
import { encodeEvent } from "../../event/protobuf.ts";
import { anyEvent } from "../../../tests/fixtures/arbitraries.ts";
import { mutatedBytes } from "../../../tests/fixtures/mutated_bytes.ts";
import { deadLetterToJson, understand } from "./dead_letter.ts";
import { describeInFull, summarize } from "../../../tools/dead/print.ts";

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -1, 2 ** 53, 2 ** 63, 2 ** 64, -1e300, 8_640_000_000_000, 8_640_000_000_001),
);
const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("\x1b[2J", "a\nb", "delivery_limit"));

/** Any value that amqplib can return for a header field. */
const { value: anyHeader } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    number,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
    number.map((value) => ({ "!": "timestamp", value })),
    fc.constant({ "!": "decimal", value: { places: 2, digits: 7 } }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom("count", "reason", "time", "value", "!", "__proto__"), text), tie("value"), {
      maxKeys: 4,
    }),
  ),
}));
const death = fc.record(
  { count: anyHeader, reason: anyHeader, time: fc.record({ "!": fc.constant("timestamp"), value: number }) },
  { requiredKeys: [] },
);
const anyHeaders = fc.tuple(
  fc.record({ "x-death": fc.oneof(fc.array(death, { maxLength: 2 }), anyHeader), "x-first-death-reason": anyHeader }, {
    requiredKeys: [],
  }),
  fc.dictionary(fc.oneof(fc.constantFrom(...Object.values(deadHeaders), replaysHeader), text), anyHeader, {
    maxKeys: 5,
  }),
).map(([theirs, ours]) => ({ ...theirs, ...ours }));

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const messageId = fc.oneof(
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  mutatedBytes(fc.uuid().map((id) => new TextEncoder().encode(id))).map((bytes) => new TextDecoder().decode(bytes)),
  anyHeader,
);

Deno.test("understand() produces letters that can be printed, stored and counted from 5,000 messages with hostile headers", () => {
  const body = anyEvent.map(encodeEvent);
  const properties = fc.record({ messageId, headers: anyHeaders, appId: anyHeader, timestamp: number }, {
    requiredKeys: [],
  });
  fc.assert(
    fc.property(properties, fc.oneof(body, mutatedBytes(body)), (given, content) => {
      const letter = understand({ properties: given, content: Buffer.from(content) } as unknown as GetMessage);
      match(letter.messageId, uuid);
      for (const count of [letter.attempts, letter.replays]) ok(Number.isSafeInteger(count) && count >= 0);
      strictEqual((letter.event === undefined) === (letter.bodyProblem !== undefined), true);
      JSON.stringify(deadLetterToJson(letter));
      const summary = summarize(letter);
      strictEqual(summary.split("\n").length, 3);
      for (const shown of [summary, describeInFull(letter)]) {
        ok(!/(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(shown), shown);
      }
    }),
    { numRuns: 5_000 },
  );
});

function letterWith(headers: Record<string, unknown>, timestamp?: number) {
  return understand({ properties: { headers, timestamp }, content: Buffer.from("?") } as unknown as GetMessage);
}

Deno.test("understand() ignores times that no calendar has", () => {
  const letter = letterWith({ "x-death": [{ time: { "!": "timestamp", value: 2 ** 63 }, count: 2 }] }, 2 ** 63);
  deepStrictEqual([letter.lastFailedAt, letter.timestampMs, letter.attempts], [undefined, undefined, 2]);
  match(describeInFull(letter), /^published at {5}unknown$/m);
});

Deno.test("understand() reports the last cause of death, not an earlier expiry in a delay queue", () => {
  const deaths = [{ reason: "delivery_limit", count: 1 }, { reason: "expired", count: 3 }];
  const { reason, attempts } = letterWith({ "x-first-death-reason": "expired", "x-death": deaths });
  deepStrictEqual([reason, attempts], ["delivery-limit", 1]);
});

Deno.test("understand() counts no replays for an invalid header", () => {
  for (const replays of [NaN, -1, 0.5, "3", null]) deepStrictEqual(letterWith({ [replaysHeader]: replays }).replays, 0);
  deepStrictEqual(letterWith({ [replaysHeader]: 3 }).replays, 3);
});

Deno.test("summarize() passes no control character of a header to the terminal", () => {
  match(summarize(letterWith({ "dead-reason": "a\x1b[2J\nb" })), /^\S+ {2}a\\u001b\[2J\\u000ab {2}time unknown/);
});
