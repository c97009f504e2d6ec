import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { percentile, spreadOf } from "./results.ts";

Deno.test("spreadOf() returns the median, the minimum and the maximum of values in any order", () => {
  deepStrictEqual(spreadOf([5, 1, 100, 7, 3]), { median: 5, min: 1, max: 100 });
  deepStrictEqual(spreadOf([2]), { median: 2, min: 2, max: 2 });
  throws(() => spreadOf([]), RangeError);
});

Deno.test("percentile() returns a measured value, and the maximum for 100", () => {
  const values = Array.from({ length: 1_000 }, (_, i) => i + 1);
  strictEqual(percentile(values, 50), 500);
  strictEqual(percentile(values, 99.9), 999);
  strictEqual(percentile(values, 100), 1_000);
  strictEqual(percentile([7], 0.1), 7);
});
