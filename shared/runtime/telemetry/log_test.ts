import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { humanLine, jsonLine } from "./log.ts";

function record(message: string, properties: Record<string, unknown> = {}): LogRecord {
  return {
    category: ["subscriber"],
    level: "warning",
    message: [message],
    rawMessage: message,
    properties,
    timestamp: 0,
  };
}

const hostile = "a\x1b[2J\u009b31m\u007f\u202e\u2028b\nc";

for (
  const [name, format] of [["humanLine()", humanLine], ["jsonLine()", jsonLine({ member: "subscriber" })]] as const
) {
  Deno.test(`${name} writes one line in which nothing is left that controls a terminal`, () => {
    const line = format(record(hostile, { text: hostile, list: [hostile], error: new Error(hostile) }));
    strictEqual(line.indexOf("\n"), line.length - 1);
    ok(!/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(line.slice(0, -1)), JSON.stringify(line));
  });

  Deno.test(`${name} cuts a currency of 10 MiB`, () => {
    const currency = "€".repeat(3_500_000);
    ok(format(record(currency, { detail: currency, list: [currency] })).length < 20_000);
  });

  Deno.test(`${name} shows no part of a password, also when it cuts a text inside one`, () => {
    const url = "amqp://guest:hidden-value@broker";
    for (let before = 4_060; before < 4_100; before++) {
      const line = format(record("x", { problem: `${"x".repeat(before)} ${url}` }));
      ok(!line.includes("hid"), line.slice(4_000));
    }
  });
}

Deno.test("jsonLine() preserves its values through parsing", () => {
  const { detail, list, count } = JSON.parse(jsonLine({})(record("x", { detail: hostile, list: [1, "b"], count: 3 })));
  deepStrictEqual([detail, list, count], [hostile, [1, "b"], 3]);
});
