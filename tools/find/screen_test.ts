import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { FindAnswer } from "../../subscriber/dashboard/find_answer.ts";
import { drawAnswer } from "./screen.ts";

const answer: FindAnswer = {
  events: [{
    message_id: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    sent_id: "order\n17",
    state: "dead",
    event: { id: 7, description: "a\u202eb" },
    stations: [
      { station: "published", at: "2026-11-29T12:00:00.000Z", by: null, detail: "time from the message id" },
      { station: "dead", at: "2026-11-29T12:00:05.123456Z", by: "one", detail: "invalid: \x1b[2J" },
      { station: "edited", at: null, by: null, detail: "once" },
    ],
  }],
  more: true,
  verdict: "The event is a dead letter.",
  looked: [{ place: "queues", outcome: "12 messages in \x07, not searched", complete: false }],
};

Deno.test("drawAnswer() writes one line per station, without control characters", () => {
  deepStrictEqual(drawAnswer(answer, { colours: false }).split("\n"), [
    "The event is a dead letter.",
    "",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f, sent as order\\u000a17  dead",
    '  {"id":7,"description":"a\\u202eb"}',
    "  published 2026-11-29T12:00:00.000Z     time from the message id",
    "  dead      2026-11-29T12:00:05.123456Z  by one: invalid: \\u001b[2J",
    "  edited    time unknown                 once",
    "",
    "More events match; only these are shown.",
    "",
    "Queues        12 messages in \\u0007, not searched",
  ]);
});

Deno.test("drawAnswer() colours problems", () => {
  const [first] = drawAnswer(answer, { colours: true }).split("\n");
  strictEqual(first, "\x1b[31mThe event is a dead letter.\x1b[39m");
});
