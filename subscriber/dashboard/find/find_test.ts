import { strictEqual } from "node:assert/strict";
import { queryOf } from "./find.js";

Deno.test("queryOf() splits a player and a time, and treats everything else as an id", () => {
  const cases = {
    " 12345 ": "id=12345",
    "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f": "id=urn%3Auuid%3A017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "11 @ 2022-02-02T12:34": "player_id=11&at=2022-02-02T12%3A34",
    "-1@2022-02-02 12:34Z ": "player_id=-1&at=2022-02-02+12%3A34Z",
    "john@example.com": "id=john%40example.com",
  };
  for (const [text, query] of Object.entries(cases)) strictEqual(String(queryOf(text)), query);
  strictEqual(queryOf("  "), undefined);
});
