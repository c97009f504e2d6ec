import { deepStrictEqual } from "node:assert/strict";
import { History } from "./history.js";

Deno.test("History keeps the newest samples, and returns the ones since a time, oldest first", () => {
  const history = new History(3, ["a", "b"]);
  for (let n = 1; n <= 5; n++) history.push(n * 1_000, { a: n, b: -n });
  deepStrictEqual(history.since(0, ["a", "b"]), [[3, 4, 5], [3, 4, 5], [-3, -4, -5]]);
  deepStrictEqual(history.since(4_000, ["b"]), [[4, 5], [-4, -5]]);
});

Deno.test("History leaves a gap for an unknown figure, and ignores samples from the past", () => {
  const history = new History(3, ["a"]);
  history.push(1_000, { a: 0 });
  history.push(2_000, { a: null });
  history.push(1_500, { a: 9 });
  history.push(3_000, {});
  deepStrictEqual(history.since(0, ["a"]), [[1, 2, 3], [0, null, null]]);
});
