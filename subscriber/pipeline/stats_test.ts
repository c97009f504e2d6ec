import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { type Stage, Stats } from "./stats.ts";

function recorded() {
  const seen: [Stage, number][] = [];
  const stats = new Stats({ stage: (stage, ms) => seen.push([stage, ms]), batch() {}, latency() {} });
  return { seen, stats };
}

Deno.test("Stats.timed() notes how long work took, and gives its result", async () => {
  const clock = new VirtualClock();
  const { seen, stats } = recorded();
  strictEqual(stats.timed("decode", clock, () => 7), 7);
  const waiting = stats.timed("rates", clock, () => clock.sleep(30).then(() => "rates"));
  await clock.advance(30);
  strictEqual(await waiting, "rates");
  deepStrictEqual(seen, [["decode", 0], ["rates", 30]]);
  deepStrictEqual(Object.values(stats.errors), [0, 0, 0, 0, 0]);
});

Deno.test("Stats.timed() notes work that failed as well, counts it, and throws what it threw", async () => {
  const clock = new VirtualClock();
  const { seen, stats } = recorded();
  const failing = stats.timed("process", clock, () => clock.sleep(5_000).then(() => Promise.reject(new Error("away"))));
  const failed = rejects(failing, /away/);
  await clock.advance(5_000);
  await failed;
  throws(() =>
    stats.timed("decode", clock, () => {
      throw new Error("at once");
    }), /at once/);
  deepStrictEqual(seen, [["process", 5_000], ["decode", 0]]);
  deepStrictEqual([stats.errors.process, stats.errors.decode, stats.errors.settle], [1, 1, 0]);
});
