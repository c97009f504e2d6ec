import { deepStrictEqual } from "node:assert/strict";
import { isAllowed } from "./licences.ts";

Deno.test("isAllowed() wants every part of an AND, and one of an OR", () => {
  const good = ["MIT", "MIT OR GPL-3.0", "(MIT OR CC0-1.0)", "MIT AND ISC", "(GPL-2.0 OR MIT) AND ISC"];
  const bad = ["GPL-3.0", "MIT AND GPL-3.0", "UNLICENSED", "SEE LICENSE IN LICENSE", "GPL-2.0 OR AGPL-3.0", ""];
  deepStrictEqual(good.filter((licence) => !isAllowed(licence)), []);
  deepStrictEqual(bad.filter(isAllowed), []);
});
