import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type Enriched, unenriched } from "../enriched/enriched.ts";
import { bet, deposit } from "../../tests/fixtures/deliveries.ts";
import { matches, parseEventQuery } from "./event_query.ts";

const parse = (text: string) => parseEventQuery(new URLSearchParams(text));
const enriched = (event: Enriched["event"]) => unenriched("id", event);

Deno.test("parseEventQuery() has a limit for everything", () => {
  deepStrictEqual(parse(""), { limit: 100, types: undefined, playerId: undefined });
  deepStrictEqual(parse("limit=500&type=bet,deposit&player_id=-9223372036854775808"), {
    limit: 500,
    types: new Set(["bet", "deposit"]),
    playerId: -(2n ** 63n),
  });
  const limits = ["limit=0", "limit=501", "limit=1e2", "limit="];
  for (const wrong of [...limits, "type=", "type=bet,", "type=BET", "player_id=1.5", "page=2"]) {
    throws(() => parse(wrong), { name: "Problem", status: 400 }, wrong);
  }
});

Deno.test("matches() compares type and player", () => {
  const [one, other] = [enriched(bet({ playerId: 11n })), enriched(deposit({ playerId: 12n }))];
  const matching = (text: string) => [one, other].map((event) => matches(event, parse(text)));
  deepStrictEqual(matching(""), [true, true]);
  deepStrictEqual(matching("type=deposit"), [false, true]);
  deepStrictEqual(matching("player_id=11"), [true, false]);
  deepStrictEqual(matching("player_id=11&type=deposit"), [false, false]);
});

Deno.test("a problem shows only the beginning of a wrong value", () => {
  try {
    parse(`player_id=${"9".repeat(1_000)}`);
  } catch (error) {
    strictEqual((error as Error).message.length < 150, true);
  }
});
