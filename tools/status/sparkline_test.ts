import { strictEqual } from "node:assert/strict";
import { sparkline } from "./sparkline.ts";

Deno.test("sparkline() draws a bar for each figure, with gaps, in any width", () => {
  const figures = [0, 1, 2, 3, 4, 5, 6, 7, 8, null, 8];
  strictEqual(sparkline(figures, 80), "▁▂▃▄▅▆▇██ █");
  strictEqual(sparkline(figures, Infinity), sparkline(figures, 11));
  strictEqual(sparkline([1, 1, 1, 9, 1, 1, 1, 1], 4), "▁█▁▁", "a spike stays to be seen");
  strictEqual(sparkline([null, null, 1, 2], 2), " █");
  for (const width of [0, -3, 0.5]) strictEqual(sparkline(figures, width), "");
  strictEqual(sparkline([0, 0], 5), "▁▁");
  strictEqual(sparkline([], 5), "");
});
