import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { lineOf, linesOf, type View } from "./view.ts";

const view: View = {
  ...{ published: 2_000, stored: 1_900, dead: 1, waiting: 99, lagMs: 1_250 },
  subscribers: [{ id: "demo-1", stored: 1_000 }, { id: "demo-2", stored: 900 }],
  rates: { asOfMs: Date.UTC(2026, 0, 2, 3, 4, 5), fetchedBy: ["demo-2"], calls: 1 },
  deadReasons: new Map([["unknown-currency", 1]]),
  newest: "Player #10 started playing.",
};

Deno.test("linesOf() tells throughput, lag, both subscribers, rates, dead letters by reason and the newest event", () => {
  deepStrictEqual(linesOf(view, 500), [
    "  events        published 2000  stored 1900  waiting 99",
    "  throughput    500 events/s  lag 1.3 s",
    "  subscribers   demo-1 1000  demo-2 900",
    "  rates         as of 03:04:05 UTC, fetched by demo-2, 1 call for both",
    "  dead letters  1  unknown-currency 1",
    "  newest        Player #10 started playing.",
  ]);
});

Deno.test("linesOf() has as many lines before anything has happened", () => {
  const empty = { ...view, dead: 0, rates: undefined, deadReasons: new Map(), newest: undefined };
  strictEqual(linesOf(empty, 0).length, linesOf(view, 0).length);
  deepStrictEqual(linesOf(empty, 0).slice(3), [
    "  rates         not fetched yet",
    "  dead letters  0",
    "  newest        nothing is stored yet",
  ]);
});

Deno.test("lineOf() tells it in one line", () => {
  strictEqual(lineOf(view, 500), "  published 2000  stored 1900  dead 1  500 events/s");
});
