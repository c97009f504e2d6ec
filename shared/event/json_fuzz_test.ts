import { ok } from "node:assert/strict";
import fc from "fast-check";
import { eventToJson, parseEventJson } from "./json.ts";
import { anyEvent, statesTheSame } from "../../tests/fixtures/arbitraries.ts";

Deno.test("parseEventJson() reads 15,000 lines of odd values as they say, or names what is wrong: a key twice for one", () => {
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
          Array.isArray(event) && event.every(({ problem }) => /^is there more than once$|^is not JSON/.test(problem)),
        );
      } else if (Array.isArray(event)) ok(event.length > 0);
      else {
        events++;
        statesTheSame(event, line);
      }
    }),
    { numRuns: 15_000 },
  );
  ok(events > 1_000 && repeated > 1_000, `${events} events, ${repeated} with a repeated key`);
});
