import { strictEqual } from "node:assert/strict";
import { arrayLiteral } from "./array_literal.ts";

Deno.test("arrayLiteral() quotes every value, escapes quotes and backslashes, and keeps NULL apart from the word", () => {
  strictEqual(arrayLiteral([]), "{}");
  strictEqual(arrayLiteral(["1", "", null, "NULL"]), '{"1","",NULL,"NULL"}');
  strictEqual(arrayLiteral(['say "x"', "back\\slash", "{a,b}"]), '{"say \\"x\\"","back\\\\slash","{a,b}"}');
});
