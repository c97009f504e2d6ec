import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { timestampMsOf } from "../shared/amqp/message.ts";
import { ack } from "../shared/amqp/outcome.ts";
import { VirtualClock } from "../shared/testing/virtual_clock.ts";
import { type Stage, Stats } from "./stats.ts";
import { deliveryOf, gameStart } from "./testing.ts";

function recorded() {
  const seen: [Stage, number][] = [];
  const stats = new Stats({ stage: (stage, ms) => seen.push([stage, ms]), window() {}, latency() {} });
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

Deno.test("Stats.observe() takes no latency from an event of the future, and the right one where seconds are milliseconds", () => {
  const seen: number[] = [];
  const stats = new Stats({ stage() {}, window() {}, latency: (ms) => seen.push(ms) });
  const now = 1_700_000_010_000;
  const published = [1_700_000_000, 1_700_000_000_123, 1_700_003_600, 1_700_003_600_000, 2 ** 60];
  for (const timestamp of published) {
    const found = { ...deliveryOf(gameStart()), timestampMs: timestampMsOf(timestamp) };
    stats.observe([{ delivery: found, outcome: ack }], now);
  }
  deepStrictEqual(seen, [10_000, 9_877]);
});
