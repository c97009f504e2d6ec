import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { HeardReport } from "./fleet.ts";
import { isStuck, oldestMsOf, viewOf } from "./fleet_view.ts";

const now = Date.UTC(2026, 10, 24, 23);

function report(id: string, changes: Partial<HeardReport> = {}): HeardReport {
  return {
    ...{ id, version: "0.2.0", state: "working", state_ms: 60_000, consuming: true, events: 0, batches: 0 },
    ...{ oldest_ms: 0, last_error: null, last_error_ms: null, heard_ms: 500, ...changes },
  };
}

Deno.test("viewOf() lists stuck subscribers first, the longest stuck at the top", () => {
  const reports = [
    report("busy", { events: 300 }),
    report("idle"),
    report("late", { state: "holding", state_ms: 2_000, events: 10 }),
    report("silent", { heard_ms: 40_000, events: 7 }),
    report("killed while idle", { heard_ms: 90_000 }),
    report("early", { state: "holding", state_ms: 9_000, events: 5, last_error: "no", last_error_ms: 100 }),
    report("leaving", { state: "leaving", consuming: false }),
  ];
  const { subscribers, unacknowledged, unheard } = viewOf(reports, [6], now);
  deepStrictEqual(
    subscribers.map(({ id, state }) => `${id}: ${state}`),
    [
      ...["early: holding", "late: holding", "silent: silent"],
      ...["killed while idle: silent", "leaving: leaving", "busy: working", "idle: working"],
    ],
  );
  deepStrictEqual([subscribers[0]?.since, subscribers[0]?.last_error_at], [
    new Date(now - 9_500).toISOString(),
    new Date(now - 600).toISOString(),
  ]);
  deepStrictEqual([unacknowledged, unheard], [null, 2], "of six consumers, two no longer tell");
});

Deno.test("viewOf() shows this subscriber's current state, and ages the events of stuck subscribers", () => {
  const { heard_ms: _, ...own } = report("own", { events: 3, oldest_ms: 20 });
  const told = report("own", { events: 99, oldest_ms: 9_999 });
  const view = viewOf([told, report("other", { oldest_ms: 700 })], [2], now, own);
  deepStrictEqual(view.subscribers.map(({ id, events }) => [id, events]), [["own", 3], ["other", 0]]);
  deepStrictEqual([view.unacknowledged, oldestMsOf(view)], [3, 700]);
  const stuck = viewOf([report("other", { state: "holding", oldest_ms: 700 })], [2], now, own);
  strictEqual(oldestMsOf(stuck), 1_200);
});

Deno.test("viewOf() does not say what is in hand while a subscriber sends no reports", () => {
  const { heard_ms: _, ...own } = report("own", { events: 3 });
  const alone = viewOf(undefined, [2], now, own);
  deepStrictEqual([alone.subscribers.length, alone.unacknowledged, alone.unheard], [1, null, null]);
  const older = viewOf([report("other")], [3], now, own);
  deepStrictEqual([older.unacknowledged, older.unheard], [null, 1]);
  strictEqual(viewOf([report("other")], undefined, now, own).unacknowledged, 3);
});

Deno.test("viewOf() does not treat an old report as the current state", () => {
  const heard = (heard_ms: number) => {
    const { subscribers, unacknowledged, unheard } = viewOf([report("one", { heard_ms }), report("two")], [2], now);
    return [subscribers.map(({ state }) => state).join(), unacknowledged, unheard];
  };
  deepStrictEqual(heard(3_900), ["working,working", 0, 0], "one report is late");
  deepStrictEqual(heard(4_000), ["working,working", null, 1]);
  deepStrictEqual(heard(10_000), ["silent,working", null, 1]);
});

Deno.test("viewOf() knows that a killed subscriber holds nothing once the broker drops its consumer", () => {
  const reports = [
    report("works", { events: 2 }),
    report("killed", { state: "holding", heard_ms: 5_000, events: 40, oldest_ms: 9_000 }),
  ];
  const told = (consumers: number | undefined) => {
    const view = viewOf(reports, consumers === undefined ? undefined : [consumers], now);
    const { state } = view.subscribers.find(({ id }) => id === "killed")!;
    return [state, view.unacknowledged, oldestMsOf(view), view.subscribers.filter(isStuck).length];
  };
  deepStrictEqual(told(2), ["holding", null, 14_000, 1], "paused, perhaps");
  deepStrictEqual(told(undefined), ["holding", 42, 14_000, 1]);
  deepStrictEqual(told(1), ["silent", 2, 0, 0]);
});

Deno.test("viewOf() counts a subscriber once, for any number of shards", () => {
  const unheard = (reports: HeardReport[], ...consumers: number[]) => viewOf(reports, consumers, now).unheard;
  const [all, even, odd] = [report("all"), report("even", { takes: [0, 2] }), report("odd", { takes: [1, 3] })];
  strictEqual(unheard([all, even, odd], 2, 2, 2, 2), 0);
  strictEqual(unheard([all, odd], 2, 2, 2, 2), 1, "the one that takes 0 and 2 is not heard");
  strictEqual(unheard([even, odd], 2, 2, 2, 2), 1, "the one that takes all is not heard");
  strictEqual(unheard([{ ...even, heard_ms: 5_000 }, odd], 1, 1, 1, 1), 1);
  strictEqual(unheard([{ ...even, heard_ms: 5_000 }, odd], 0, 1, 0, 1), 0, "its consumers are gone");
});
