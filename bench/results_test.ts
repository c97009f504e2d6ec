import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { percentile, spreadOf } from "./results.ts";

Deno.test("spreadOf() gives the middle value, the least and the greatest, in whatever order they came", () => {
  deepStrictEqual(spreadOf([5, 1, 100, 7, 3]), { median: 5, min: 1, max: 100 });
  deepStrictEqual(spreadOf([2]), { median: 2, min: 2, max: 2 });
  throws(() => spreadOf([]), RangeError);
});

Deno.test("percentile() is a value that was measured, and 100 is the greatest", () => {
  const values = Array.from({ length: 1_000 }, (_, i) => i + 1);
  strictEqual(percentile(values, 50), 500);
  strictEqual(percentile(values, 99.9), 999);
  strictEqual(percentile(values, 100), 1_000);
  strictEqual(percentile([7], 0.1), 7);
});
