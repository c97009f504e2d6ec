import { deepStrictEqual } from "node:assert/strict";
import { complete, deposit, gameStart } from "../../tests/fixtures/deliveries.ts";
import { columns, playerOf, unenriched } from "./enriched.ts";

const bare = unenriched("", gameStart());

Deno.test("columns have a value for every event, except nullable ones", () => {
  for (const { name, nullable, of } of columns) {
    const isLeftOut = [bare, { ...bare, event: deposit() }, complete].map((event) => of(event, "s") === undefined);
    deepStrictEqual([isLeftOut.includes(true), isLeftOut.at(-1)], [nullable, false], name);
  }
});

Deno.test("columns read every fact", () => {
  const read = new Set<string | symbol>();
  const watched = new Proxy(complete, { get: (target, fact) => (read.add(fact), Reflect.get(target, fact)) });
  for (const { of } of columns) of(watched, "s");
  deepStrictEqual(Object.keys(complete).filter((fact) => !read.has(fact)), []);
});

Deno.test("playerOf() accepts a player without an e-mail, and cuts one that is none", () => {
  const facts = (...row: (string | null)[]) => [playerOf(row).email, playerOf(row).lastSignedInMs];
  deepStrictEqual(facts("11", null, null), [undefined, undefined]);
  deepStrictEqual(facts("11", "", "0"), ["", 0]);
  deepStrictEqual(facts("11", "", "8640000000000000000"), ["", 8.64e15]);
  deepStrictEqual(facts("11", "", "8640000000000001000"), ["", undefined]);
  deepStrictEqual(facts("11", "", "Infinity"), ["", undefined]);
  deepStrictEqual(facts("11", "x".repeat(1_001), null), [`${"x".repeat(1_000)}…`, undefined]);
});
