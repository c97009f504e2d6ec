import { deepStrictEqual, match } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { GetMessage } from "amqplib";
import { understand } from "./dead_letter.ts";
import { replaysHeader } from "../dead_letters.ts";
import { describeInFull, summarize } from "../../../tools/dead/print.ts";

function letterWith(headers: Record<string, unknown>, timestamp?: number) {
  return understand({ properties: { headers, timestamp }, content: Buffer.from("?") } as unknown as GetMessage);
}

Deno.test("understand() takes a time that no calendar has for none, whoever wrote it", () => {
  const letter = letterWith({ "x-death": [{ time: { "!": "timestamp", value: 2 ** 63 }, count: 2 }] }, 2 ** 63);
  deepStrictEqual([letter.lastFailedAt, letter.timestampMs, letter.attempts], [undefined, undefined, 2]);
  match(describeInFull(letter), /^published at {5}unknown$/m);
});

Deno.test("understand() tells what a message died of last, not that it had expired on a delay queue before", () => {
  const deaths = [{ reason: "delivery_limit", count: 1 }, { reason: "expired", count: 3 }];
  const { reason, attempts } = letterWith({ "x-first-death-reason": "expired", "x-death": deaths });
  deepStrictEqual([reason, attempts], ["delivery-limit", 1]);
});

Deno.test("understand() counts no replays where the header is no count", () => {
  for (const replays of [NaN, -1, 0.5, "3", null]) deepStrictEqual(letterWith({ [replaysHeader]: replays }).replays, 0);
  deepStrictEqual(letterWith({ [replaysHeader]: 3 }).replays, 3);
});

Deno.test("summarize() lets no control character of a header through to the terminal", () => {
  match(summarize(letterWith({ "dead-reason": "a\x1b[2J\nb" })), /^\S+ {2}a\\u001b\[2J\\u000ab {2}at an unknown time/);
});
