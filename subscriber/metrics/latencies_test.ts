import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { Latencies } from "./latencies.ts";

Deno.test("Latencies returns the median and the 99th percentile of the last 10 s", async () => {
  const clock = new VirtualClock();
  const latencies = new Latencies(clock);
  strictEqual(latencies.summary(), undefined);
  latencies.add(1_000);
  await clock.advance(10_001);
  for (let ms = 1; ms <= 200; ms++) latencies.add(ms);
  deepStrictEqual(latencies.summary(), { p50: 101, p99: 199, events: 200 });
  await clock.advance(10_001);
  strictEqual(latencies.summary(), undefined);
});

Deno.test("Latencies keeps the newest of too many", () => {
  const latencies = new Latencies(new VirtualClock());
  for (let i = 0; i < 10_000; i++) latencies.add(i < 5_000 ? 1 : 7);
  deepStrictEqual(latencies.summary(), { p50: 7, p99: 7, events: 4_096 });
});
