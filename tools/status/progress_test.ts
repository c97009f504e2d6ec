import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { HistoryPoint } from "../../subscriber/dashboard/answers.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { Progress } from "./progress.ts";
import { historyOf } from "./status_history.ts";

const look = (ready: number, stored: number) => ({ ready, stored, storedPerSecond: 100, growthPerSecond: -20 });
const nothing = { ready: undefined, stored: undefined, storedPerSecond: undefined, growthPerSecond: undefined };

Deno.test("Progress shows what changed between two looks, and when the queue will be empty, at first from the history", async () => {
  const clock = new VirtualClock();
  const progress = new Progress(clock);
  const first = progress.look(look(6_000, 1_000));
  deepStrictEqual([first.since_last, first.catch_up.state, first.catch_up.seconds], [null, "catching-up", 300]);
  await clock.advance(2_000);
  const second = progress.look(look(6_100, 1_300));
  deepStrictEqual(second.since_last, { seconds: 2, stored_per_second: 150, queue_per_second: 50 });
  await clock.advance(10_000);
  const third = progress.look(look(6_600, 1_300));
  deepStrictEqual(
    [third.since_last?.stored_per_second, third.catch_up.state],
    [0, "never"],
    "by what it has seen itself",
  );
  await clock.advance(2_000);
  const blind = progress.look(nothing);
  deepStrictEqual(blind.since_last, { seconds: 2, stored_per_second: null, queue_per_second: null });
  strictEqual(blind.catch_up.state, "unknown");
});

Deno.test("historyOf() returns each quarter hour of 24 hours, and the queue's recent growth", () => {
  const point = (at: string, changes: Partial<HistoryPoint>): HistoryPoint => ({
    ...{ at, seconds: 60, stored: 0, dead: 0, duplicates: 0, arrived: 0, ready: 0, unacknowledged: 0, oldest_ms: 0 },
    ...{ rates_age_ms: 0, subscribers: 1, latency_ms: null, ...changes },
  });
  const { stored_per_second, ready, queue_growth_per_second } = historyOf(
    [point("2026-11-30T11:45:00Z", { seconds: 900, stored: 1_350, ready: 7 })],
    [
      point("2026-11-30T12:00:00Z", { arrived: 160, stored: 90, dead: 5, duplicates: 5 }),
      point("2026-11-30T12:01:00Z", { arrived: null, stored: 90 }),
    ],
    Date.parse("2026-11-30T12:02:00Z"),
  );
  deepStrictEqual([stored_per_second.length, stored_per_second.slice(-2), ready.slice(-2)], [96, [1.5, null], [
    7,
    null,
  ]]);
  strictEqual(queue_growth_per_second, 1);
  strictEqual(historyOf([], [], 0).queue_growth_per_second, null);
});
