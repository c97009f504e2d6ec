import { deepStrictEqual } from "node:assert/strict";
import { outcomeOf } from "./outcome.ts";

Deno.test("outcomeOf() names what failed and what could not be asked, and says that all is well of nothing less than all", () => {
  deepStrictEqual([outcomeOf([], []), outcomeOf(["types", "tests"], [])], ["All is well.", "Not well: types, tests."]);
  deepStrictEqual(
    [outcomeOf([], ["known vulnerabilities"]), outcomeOf(["types"], ["known vulnerabilities"])],
    [
      "All else is well. Could not be asked: known vulnerabilities.",
      "Not well: types. Could not be asked: known vulnerabilities.",
    ],
  );
});
