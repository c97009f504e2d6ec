import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { catchUpOf, QueueGrowth } from "./catch_up.ts";

Deno.test("QueueGrowth returns the growth of the last minute, after enough samples", async () => {
  const clock = new VirtualClock();
  const growth = new QueueGrowth(clock);
  const after = async (ms: number, ready: number | null) => {
    await clock.advance(ms);
    growth.add(ready);
    return growth.perSecond;
  };
  strictEqual(await after(0, 1_000), undefined);
  strictEqual(await after(9_000, 1_090), undefined);
  strictEqual(await after(500, 5_000), undefined, "a second look within a second counts for nothing");
  strictEqual(await after(500, 1_100), 10);
  strictEqual(await after(10_000, null), 10);
  strictEqual(await after(40_000, 700), -5);
  strictEqual(await after(60_000, 100), -10, "what is older than a minute is forgotten");
});

Deno.test("catchUpOf() returns a duration, or never ends at this rate, or is unknown", () => {
  const of = (ready: number | null, outPerSecond?: number, growthPerSecond?: number) => {
    const { state, seconds, in_per_second } = catchUpOf({ ready, outPerSecond, growthPerSecond });
    return [state, seconds, in_per_second];
  };
  deepStrictEqual(of(0, 100, 5), ["none", 0, 105]);
  deepStrictEqual(of(37, 4_800, 3), ["keeping-up", 1, 4_803]);
  deepStrictEqual(of(60_000, 500, -200), ["catching-up", 300, 300]);
  deepStrictEqual(of(60_000, 500, -700), ["catching-up", 86, 0], "what is dropped or dies leaves the queue, too");
  deepStrictEqual(of(60_000, 500, 100), ["never", null, 600]);
  deepStrictEqual(of(60_000, 500, 0), ["never", null, 500]);
  deepStrictEqual(of(5, 0, 0), ["never", null, 0], "nobody takes them");
  deepStrictEqual(of(60_000, 500), ["unknown", null, null]);
  deepStrictEqual(of(null, 500, 0), ["unknown", null, 500]);
});
