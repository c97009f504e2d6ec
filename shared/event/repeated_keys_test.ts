import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { repeatedKeys } from "./repeated_keys.ts";

function repeatedIn(json: string): string[] {
  return repeatedKeys(json, Object.keys(JSON.parse(json)).length);
}

Deno.test("repeatedKeys() finds repeated keys in any escape, at the top level only", () => {
  deepStrictEqual(repeatedIn('{"amount":5,"amount":50000}'), ["amount"]);
  deepStrictEqual(repeatedIn('{ "amount" : 5 , "\\u0061mount":5, "id":1, "amount":7 }'), ["amount"]);
  deepStrictEqual(repeatedIn('{"__proto__":1,"__proto__":2}'), ["__proto__"]);
  deepStrictEqual(repeatedIn('{"a":{"b":1,"b":2},"c":[{"a":1,"a":2}],"b":"\\"b\\":{\\\\","d":":{"}'), []);
  deepStrictEqual(repeatedIn("{}"), []);
});

Deno.test("repeatedKeys() finds exactly the repeated keys of 10,000 objects", () => {
  const key = fc.oneof(fc.constantFrom("a", "b", "\\", '"', '\\"', ":", "{", "é"), fc.string({ maxLength: 3 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.jsonValue({ maxDepth: 2 }), fc.boolean()), { maxLength: 6 }), (members) => {
      const escapedKey = (text: string, all: boolean) =>
        all
          ? `"${Array.from(text, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`
          : JSON.stringify(text);
      const json = `{${members.map(([key, value, all]) => `${escapedKey(key, all)}:${JSON.stringify(value)}`).join()}}`;
      const keys = members.map(([key]) => key);
      const twice = keys.filter((key, i) => keys.indexOf(key) !== i);
      deepStrictEqual(repeatedIn(json).toSorted(), [...new Set(twice)].toSorted());
    }),
    { numRuns: 10_000 },
  );
});
