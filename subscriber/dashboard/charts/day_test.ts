import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { HistoryPoint } from "../answers.ts";
import { Day } from "./day.js";

const point = (at: string, changes: Partial<HistoryPoint> = {}): HistoryPoint => ({
  ...{ at, seconds: 300, stored: 0, dead: 0, duplicates: 0, arrived: 0, ready: 0, unacknowledged: 0, oldest_ms: 0 },
  ...{ rates_age_ms: 0, subscribers: 1, latency_ms: null, ...changes },
});

Deno.test("Day returns each step of the last 24 hours beside the day before, with a gap where there is no point", () => {
  const day = new Day({
    at: "2026-11-30T12:02:00.000Z",
    step_seconds: 300,
    points: [
      point("2026-11-29T11:55:00.000Z", { ready: 7, stored: 1_500, latency_ms: { p50: 2, p99: 8, events: 50 } }),
      point("2026-11-30T11:55:00.000Z", { ready: 9, stored: 600, latency_ms: { p50: 3, p99: 9, events: 50 } }),
      // The current step is known only in part.
      point("2026-11-30T12:00:00.000Z", { ready: 11, stored: 120, seconds: 60, oldest_ms: null }),
    ],
  });
  const [times, today, yesterday] = day.columns(["queue"]);
  const last = <T>(values: T[] | undefined) => values?.slice(-3);
  deepStrictEqual([times.length, new Date(times[0]! * 1_000).toISOString()], [288, "2026-11-29T12:05:00.000Z"]);
  deepStrictEqual(last(times)!.map((time) => new Date(time * 1_000).toISOString().slice(11, 16)), [
    ...["11:50", "11:55", "12:00"],
  ]);
  deepStrictEqual([last(today), last(yesterday)], [[null, 9, 11], [null, 7, null]]);
  deepStrictEqual(last(day.columns(["throughput"])[1]), [null, 2, 2]);
  deepStrictEqual(last(day.columns(["oldest"])[1]), [null, 0, null]);
  // The last figure alone is beside its day before.
  deepStrictEqual(day.columns(["p50", "p99"]).slice(1).map(last), [[null, 3, null], [null, 9, null], [null, 8, null]]);
});

Deno.test("Day is worth a look once it covers more than the live charts", () => {
  const of = (...points: HistoryPoint[]) =>
    new Day({ at: "2026-11-30T12:02:00.000Z", step_seconds: 300, points }).isWorthALook;
  strictEqual(of(), false);
  strictEqual(of(point("2026-11-30T11:55:00.000Z"), point("2026-11-30T12:00:00.000Z")), false);
  strictEqual(of(point("2026-11-30T11:50:00.000Z")), true);
});
