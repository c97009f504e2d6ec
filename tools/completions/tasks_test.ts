import { deepStrictEqual } from "node:assert/strict";
import { wordsOf } from "./tasks.ts";

Deno.test("wordsOf() finds the words that can be typed", () => {
  deepStrictEqual(wordsOf("<list|show ID|replay|drop>"), ["list", "show", "replay", "drop"]);
  deepStrictEqual(wordsOf("[set|off]"), ["set", "off"]);
  deepStrictEqual(wordsOf("[SECONDS]"), []);
  deepStrictEqual(wordsOf(""), []);
});
