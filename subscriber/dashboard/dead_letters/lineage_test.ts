import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { DeadLetter } from "./answers.ts";
import { changesOf, countsOf, stepsOf } from "./lineage.js";

const at = (time: string) => `2026-11-24T${time}.000Z`;

function letter(number: number, changes: Partial<DeadLetter>): DeadLetter {
  return {
    ...{ message_id: "019aa000-0000-7000-9000-000000000000", sent_id: null, group: "5f0c1d2e3a4b" },
    ...{ reason: "unknown-currency", detail: "no KWD", subscriber: "one", first_failed_at: at("22:00:00") },
    ...{ last_failed_at: at("22:00:00"), attempts: 1, replays: 0, status: "dead", number, previous: null },
    ...{ acted_by: null, acted_at: null, stored_by: null, stored_at: null, edited: null },
    ...{ event: { id: 1, currency: "KWD" }, body_problem: null, body_base64: "", body_bytes: 5 },
    ...changes,
  };
}

function edit(letter: number, time: string, currency: string) {
  return { letter, by: "anna", at: at(time), event: { id: 1, currency } };
}

function told(...history: Parameters<typeof stepsOf>): string[] {
  return stepsOf(...history).map(({ what, at, by, words }) => [at?.slice(11, 19), what, by, ...words].join(" "));
}

Deno.test("stepsOf() lists failures, edits and acts of a message; each edit names its changes from the one before", () => {
  const letters = [
    letter(3, {
      status: "resolved",
      acted_by: "bob",
      acted_at: at("22:20:00"),
      stored_by: "two",
      stored_at: at("22:40:00"),
    }),
    letter(9, {
      ...{ last_failed_at: at("22:20:01"), previous: 3, event: { id: 1, currency: "EUR" }, detail: "" },
      ...{ status: "resolved", acted_by: "eve", acted_at: at("22:39:00"), stored_by: "two", stored_at: at("22:40:00") },
    }),
  ];
  const edits = [edit(3, "22:10:00", "USD"), edit(3, "22:15:00", "EUR"), edit(9, "22:30:00", "EUR")];
  const history = { letters, edits, more: false };
  deepStrictEqual(told(history), [
    "22:00:00 failed one unknown-currency: no KWD",
    "22:10:00 edited anna currency: KWD → USD",
    "22:15:00 edited anna currency: USD → EUR",
    "22:20:00 replayed bob",
    "22:20:01 failed again one unknown-currency: no detail",
    "22:30:00 edited anna no field changed",
    "22:39:00 replayed eve",
    "22:40:00 stored two",
  ]);
  strictEqual(countsOf(stepsOf(history)), "2 failures · 3 edits · 2 replays");
});

Deno.test("stepsOf() sorts by time, and keeps a failure behind its replay when a subscriber's clock is late", () => {
  const replayed = letter(1, { status: "replayed", acted_by: "bob", acted_at: at("22:20:00") });
  const late = letter(2, { previous: 1, last_failed_at: at("22:19:58"), subscriber: null });
  deepStrictEqual(told({ letters: [replayed, late], edits: [], more: false }).slice(1), [
    "22:20:00 replayed bob",
    "22:19:58 failed again the broker unknown-currency: no KWD",
  ]);
  const twin = letter(2, { last_failed_at: at("22:10:00") });
  deepStrictEqual(told({ letters: [replayed, twin], edits: [], more: false }).map((step) => step.slice(0, 14)), [
    ...["22:00:00 faile", "22:10:00 faile", "22:20:00 repla"],
  ]);
});

Deno.test("an edit of an undecodable body lists every field; an undone drop is restored", () => {
  deepStrictEqual(changesOf(null, { id: 7, has_won: true }), ["id: – → 7", "has_won: – → true"]);
  deepStrictEqual(changesOf({ id: 7, currency: "EUR" }, { id: 7 }), ["currency: EUR → –"]);
  const restored = letter(1, { acted_by: "bob", acted_at: at("22:20:00") });
  const steps = stepsOf({ letters: [restored], edits: [], more: false });
  deepStrictEqual([steps.map(({ what }) => what), countsOf(steps)], [["failed", "restored"], "1 failure"]);
  const edits = [edit(1, "22:10:00", "USD"), edit(1, "22:30:00", "EUR")];
  const whats = stepsOf({ letters: [restored], edits, more: false }).map(({ what }) => what);
  deepStrictEqual(whats, ["failed", "edited", "restored", "edited"]);
});
