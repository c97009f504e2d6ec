import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { LatencyBuckets, summaryOf } from "./latency_buckets.ts";

function bucketsOf(latencies: readonly number[]): LatencyBuckets {
  const buckets = new LatencyBuckets();
  for (const ms of latencies) buckets.add(ms);
  return buckets;
}

Deno.test("LatencyBuckets uses the first bucket whose upper bound is not below the latency", () => {
  const { counts } = bucketsOf([0, 1, 1.1, 2, 2.1, 1_024, 1e12]);
  const filled = counts.flatMap((count, bucket) => count > 0 ? [[bucket, count]] : []);
  deepStrictEqual(filled, [[0, 2], [1, 1], [4, 1], [5, 1], [40, 1], [99, 1]]);
});

Deno.test("summaryOf() is within 19 % of the percentiles, also for summed counts", () => {
  const latencies = Array.from({ length: 10_000 }, (_, n) => 0.5 + n);
  const [even, odd] = [0, 1].map((rest) => bucketsOf(latencies.filter((_, n) => n % 2 === rest)).counts);
  const { p50, p99, events } = summaryOf(even!.map((count, bucket) => count + odd![bucket]!))!;
  strictEqual(events, 10_000);
  for (const [told, exact] of [[p50, 5_000], [p99, 9_900]] as const) {
    ok(told / exact > 0.81 && told / exact < 1.19, `${told} ms, not ${exact} ms`);
  }
  deepStrictEqual([summaryOf([]), summaryOf([0, 0]), summaryOf([0, 0, 4])], [
    ...[undefined, undefined, { p50: 1.3, p99: 1.4, events: 4 }],
  ]);
});
