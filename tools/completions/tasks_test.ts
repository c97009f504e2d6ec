import { deepStrictEqual, throws } from "node:assert/strict";
import { parseTask, wordsOf } from "./tasks.ts";

Deno.test("parseTask() tells the program from what the task gives it", () => {
  deepStrictEqual(parseTask("deno run --allow-net --v8-flags=--a=8,--b=1 tools/migrate/main.ts new --folder x"), {
    program: ["run", "--allow-net", "--v8-flags=--a=8,--b=1", "tools/migrate/main.ts"],
    operands: ["new", "x"],
  });
  throws(() => parseTask("deno task up && deno task ok"), /does not run a program of ours/);
});

Deno.test("wordsOf() finds the words that can be typed", () => {
  deepStrictEqual(wordsOf("<list|show ID|replay|drop>"), ["list", "show", "replay", "drop"]);
  deepStrictEqual(wordsOf("[set|off]"), ["set", "off"]);
  deepStrictEqual(wordsOf("[SECONDS]"), []);
  deepStrictEqual(wordsOf(""), []);
});
