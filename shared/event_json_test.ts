import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeFaults } from "./event.ts";
import { eventToJson, parseEventJson } from "./event_json.ts";
import { anyEvent } from "./testing/arbitrary_event.ts";

const start = { id: 1, player_id: 10, game_id: 100, type: "game_start", created_at: "2022-01-10T12:34:00Z" };

function faultsOf(line: string): string {
  const event = parseEventJson(line);
  return Array.isArray(event) ? describeFaults(event) : "";
}

Deno.test("parseEventJson() reads what eventToJson() writes", () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      deepStrictEqual(parseEventJson(JSON.stringify(eventToJson(event))), event);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("eventToJson() leaves out what does not apply, and keeps the order of the keys", () => {
  const event = parseEventJson(JSON.stringify(start));
  if (Array.isArray(event)) throw new Error(describeFaults(event));
  strictEqual(JSON.stringify(eventToJson(event)), JSON.stringify(start));
});

Deno.test("parseEventJson() reads integers beyond 2^53 exactly, as digits and as text", () => {
  for (const id of ["9007199254740993", '"9007199254740993"', "9223372036854775807", '"-9223372036854775808"']) {
    const event = parseEventJson(JSON.stringify(start).replace('"id":1', `"id":${id}`));
    strictEqual(Array.isArray(event) ? describeFaults(event) : String(event.id), id.replaceAll('"', ""));
  }
});

Deno.test("parseEventJson() accepts a line that was enriched", () => {
  const enriched = { ...start, amount_eur: 5, player: { email: "a@example.com" }, description: "…" };
  strictEqual(faultsOf(JSON.stringify(enriched)), "");
});

Deno.test("parseEventJson() names each field that is wrong", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ id: 1.5 }, /^id = 1.5 must be a 64-bit integer/],
    [{ id: "12x" }, /^id = "12x" must be/],
    [{ id: "9223372036854775808" }, /^id = "9223372036854775808" must be/],
    [{ id: null, player_id: [1] }, /^player_id = \["?1"?\] must be .*; id is missing/],
    [{ type: "jackpot" }, /^type = "jackpot" must be one of game_start, bet, deposit, game_stop$/],
    [{ type: undefined }, /^type is missing or unknown$/],
    [{ created_at: "2022-02-30T00:00:00Z" }, /^created_at = "2022-02-30T00:00:00Z" must be an RFC 3339 time/],
    [{ created_at: undefined }, /^created_at is missing$/],
    [{ type: "bet", currency: "EUR" }, /^amount is missing$/],
    [{ type: "bet", amount: 5 }, /^currency is missing$/],
    [{ type: "bet", amount: 5, currency: 7 }, /^currency = 7 must be text/],
    [{ type: "bet", amount: 5, currency: "EUR", has_won: "yes" }, /^has_won = "yes" must be true or false$/],
    [{ ammount: 5 }, /^ammount is unknown; the keys are id, player_id/],
  ];
  for (const [changes, faults] of cases) match(faultsOf(JSON.stringify({ ...start, ...changes })), faults);
});

Deno.test("parseEventJson() says so of what is no JSON object, and never throws", () => {
  for (const line of ["", "{", "[]", "null", "7", '"text"', "{}x"]) match(faultsOf(line), /^line /);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.dictionary(fc.constantFrom("id", "type", "amount", "created_at"), fc.jsonValue()).map((value) =>
          JSON.stringify(value)
        ),
      ),
      (line) => {
        parseEventJson(line);
      },
    ),
    { numRuns: 5_000 },
  );
});
