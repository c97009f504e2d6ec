import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeFaults } from "./event.ts";
import { eventToJson, parseEventJson } from "./json.ts";
import { anyEvent, statesTheSame } from "../../tests/fixtures/arbitraries.ts";

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

Deno.test("eventToJson() omits the fields of other types, and keeps the order of the keys", () => {
  const event = parseEventJson(JSON.stringify(start));
  if (Array.isArray(event)) throw new Error(describeFaults(event));
  strictEqual(JSON.stringify(eventToJson(event)), JSON.stringify(start));
});

Deno.test("eventToJson() and parseEventJson() preserve every integer, as number or as string", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((value) => value !== 0n);
  fc.assert(
    fc.property(int64, fc.boolean(), (value, asText) => {
      const event = parseEventJson(
        JSON.stringify(start).replace('"id":1', `"id":${asText ? `"${value}"` : value}`),
      );
      if (Array.isArray(event)) throw new Error(describeFaults(event));
      strictEqual(event.id, value);
      const { id } = eventToJson(event);
      strictEqual(typeof id, value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n ? "number" : "string");
      strictEqual(String(id), String(value));
    }),
    {
      numRuns: 3_000,
      examples: [[2n ** 53n, false], [2n ** 53n + 1n, false], [2n ** 53n - 1n, true], [-(2n ** 53n) + 1n, false]],
    },
  );
});

Deno.test("parseEventJson() reads the event from an enriched line", () => {
  fc.assert(
    fc.property(anyEvent, fc.option(fc.string()), (event, email) => {
      const enriched = {
        ...eventToJson(event),
        amount_eur: "92233720368547758070",
        player: { email, last_signed_in_at: null },
        description: "…",
      };
      deepStrictEqual(parseEventJson(JSON.stringify(enriched)), event);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("parseEventJson() treats null as a missing field, and never as zero", () => {
  for (const field of ["id", "player_id", "game_id", "created_at"]) {
    strictEqual(faultsOf(JSON.stringify({ ...start, [field]: null })), `${field} is missing`);
  }
  strictEqual(faultsOf(JSON.stringify({ ...start, type: null })), "type is missing");
  const bet = { ...start, type: "bet", amount: 5, currency: "EUR", has_won: null };
  strictEqual(faultsOf(JSON.stringify(bet)), "");
  strictEqual(faultsOf(JSON.stringify({ ...bet, amount: null })), "amount is missing");
  strictEqual(faultsOf(JSON.stringify({ ...bet, currency: null })), "currency is missing");
});

Deno.test("parseEventJson() quotes numbers verbatim, and shortens long or deep values", () => {
  const shown = (id: string) => /^id = (.*) must be a 64-bit integer/.exec(faultsOf(`{"id":${id}}`))?.[1];
  for (const number of ["5.0", "1e3", "-0.5", "9223372036854775808", "-9223372036854775809"]) {
    strictEqual(shown(number), number);
  }
  strictEqual(shown("1".repeat(1_000)), `${"1".repeat(60)}…`);
  strictEqual(shown(`"${"x".repeat(1_000)}"`), `"${"x".repeat(60)}…"`);
  strictEqual(shown("[[1]]"), "an array");
  strictEqual(shown('{"id":1}'), "an object");
  match(faultsOf(`{"${"k".repeat(1_000)}":1}`), /^"k{60}…" is unknown;/);
  match(faultsOf('{"a\\u001b[31m":1}'), /^"a\\u001b\[31m" is unknown;/);
});

Deno.test("parseEventJson() never throws, at any depth", () => {
  for (let depth = 1; depth <= 20_000; depth = Math.ceil(depth * 1.1)) {
    const line = JSON.stringify(start).replace("10", "[".repeat(depth) + "]".repeat(depth));
    match(faultsOf(line), /^(player_id = an array must be|line is not JSON)/, `depth ${depth}`);
  }
});

Deno.test("parseEventJson() names each invalid field", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ id: 1.5 }, /^id = 1.5 must be a 64-bit integer/],
    [{ id: "12x" }, /^id = "12x" must be/],
    [{ id: "9223372036854775808" }, /^id = "9223372036854775808" must be/],
    [{ id: null, player_id: [1] }, /^player_id = an array must be .*; id is missing$/],
    [{ type: "jackpot" }, /^type = "jackpot" must be one of game_start, bet, [a-z_, ]+$/],
    [{ type: undefined }, /^type is missing$/],
    [{ created_at: "2022-02-30T00:00:00Z" }, /^created_at = "2022-02-30T00:00:00Z" must be an RFC 3339 time/],
    [{ created_at: undefined }, /^created_at is missing$/],
    [{ type: "bet", currency: "EUR" }, /^amount is missing$/],
    [{ type: "bet", amount: 5 }, /^currency is missing$/],
    [{ type: "bet", amount: 5, currency: 7 }, /^currency = 7 must be text/],
    [{ type: "bet", amount: 5, currency: "EUR", has_won: "yes" }, /^has_won = "yes" must be true or false$/],
    [{ ammount: 5 }, /^ammount is unknown; the keys are id, player_id/],
    [{ ammount: null }, /^ammount is unknown; the keys are id, player_id/],
    [{ ["__proto__"]: 5 }, /^__proto__ is unknown; the keys are id, player_id/],
    [{ toString: 5 }, /^toString is unknown; the keys are id, player_id/],
    [{ amount: -1 }, /^amount = -1 must be 0 or more$/],
    [{ amount: 5 }, /^amount does not apply to a game_start$/],
    [{ type: "deposit", amount: 5, currency: "EUR" }, /^game_id does not apply to a deposit$/],
    [{ currency: "\ud800" }, /^currency contains an unpaired surrogate; currency does not apply to a game_start$/],
    [{ id: "x", created_at: 5 }, /^created_at = 5 must be an RFC 3339 time.*; id = "x" must be a 64-bit integer/],
  ];
  for (const [changes, faults] of cases) match(faultsOf(JSON.stringify({ ...start, ...changes })), faults);
});

Deno.test("parseEventJson() reports text that is not a JSON object, and never throws", () => {
  for (const line of ["", "{", "[]", "null", "7", '"text"', "{}x"]) match(faultsOf(line), /^line /);
  const text = fc.oneof(fc.string(), fc.json());
  fc.assert(fc.property(text, (line) => void parseEventJson(line)), { numRuns: 1_000 });
});

Deno.test("parseEventJson() reads 5,000 lines of unusual values exactly or names the error, such as a repeated key", () => {
  const integer = fc.oneof(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), fc.bigInt({ min: -9n, max: 9n })).map(
    String,
  );
  const value = fc.oneof(
    integer,
    integer.map((digits) => `"${digits}"`),
    fc.constantFrom(
      "-0",
      "5.0",
      "1e3",
      "null",
      "true",
      "[9007199254740993]",
      '{"id":{"id":7}}',
      '"\\u0031"',
      '"EU\\u0052"',
      '"\\ud83d"',
      "1970-01-01T00:00:00+23:59",
    ),
    fc.json({ maxDepth: 1 }),
  );
  const key = fc.constantFrom(
    "id",
    "i\\u0064",
    "player_id",
    "game_id",
    "amount",
    "has_won",
    "currency",
    "player",
    "type",
  );
  const pairs = fc.array(fc.tuple(key, value, fc.nat()), { maxLength: 3 });
  let [events, repeated] = [0, 0];
  fc.assert(
    fc.property(anyEvent, pairs, (given, odd) => {
      let members = Object.entries(eventToJson(given)).map(([name, stated]) => `"${name}":${JSON.stringify(stated)}`);
      for (const [name, text, at] of odd) {
        members = members.toSpliced(at % (members.length + 1), 0, `"${name}":${text}`);
      }
      const line = `{${members.join(" ,\t")}}`;
      const event = parseEventJson(line);
      const keys = [...Object.keys(eventToJson(given)), ...odd.map(([name]) => JSON.parse(`"${name}"`))];
      if (new Set(keys).size < keys.length) {
        repeated++;
        ok(
          Array.isArray(event) && event.every(({ problem }) => /^appears more than once$|^is not JSON/.test(problem)),
        );
      } else if (Array.isArray(event)) ok(event.length > 0);
      else {
        events++;
        statesTheSame(event, line);
      }
    }),
    { numRuns: 5_000 },
  );
  ok(events > 300 && repeated > 300, `${events} events, ${repeated} with a repeated key`);
});
