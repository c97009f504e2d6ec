import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { eventToJson, jsonInteger, parseEventJson } from "../../shared/event/json.ts";
import { anyEvent } from "../../tests/fixtures/arbitraries.ts";
import { type Enriched, playerOf, unenriched } from "./enriched.ts";
import { jsonLine, storedEventJson } from "./json_line.ts";
import { printableJson } from "../../shared/runtime/printable.ts";
import { bet, gameStart } from "../../tests/fixtures/deliveries.ts";

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
const plain = { noNullPrototype: true } as const;
const anyEnriched: fc.Arbitrary<Enriched> = fc.record({
  messageId: fc.uuid(),
  event: anyEvent,
  price: fc.option(
    fc.record({
      eurCents: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      rate: fc.constant(undefined),
    }, plain),
    { nil: undefined },
  ),
  player: fc.option(
    fc.record({
      email: fc.option(anyText, { nil: undefined }),
      lastSignedInMs: fc.option(fc.date({ noInvalidDate: true }).map((date) => date.getTime()), { nil: undefined }),
    }, plain).map((known) => ({ ...playerOf([]), ...known })),
    { nil: undefined },
  ),
  description: anyText,
  sentId: fc.option(anyText, { nil: undefined }),
}, plain).map((facts) => ({ ...unenriched(facts.messageId, facts.event), ...facts }));

/** The reference: the same line by JSON.stringify. */
function stringified({ event, price, player, description, sentId }: Enriched): string {
  const ms = player?.lastSignedInMs;
  const known = { email: player?.email, last_signed_in_at: ms === undefined ? undefined : new Date(ms).toISOString() };
  return printableJson(JSON.stringify({
    ...eventToJson(event),
    amount_eur: price && jsonInteger(price.eurCents),
    player: Object.values(known).some((value) => value !== undefined) ? known : undefined,
    description,
    sent_id: sentId,
  })) + "\n";
}

Deno.test("jsonLine() equals JSON.stringify, and writes nothing that a terminal obeys, for any texts", () => {
  fc.assert(fc.property(anyEnriched, (enriched) => strictEqual(jsonLine(enriched), stringified(enriched))), {
    numRuns: 20_000,
  });
});

Deno.test("parseEventJson() reads the same event from jsonLine()", () => {
  fc.assert(fc.property(anyEnriched, (enriched) => {
    deepStrictEqual(parseEventJson(jsonLine(enriched)), enriched.event);
  }));
});

Deno.test("storedEventJson() writes the message id, then the same text as jsonLine()", () => {
  fc.assert(fc.property(anyEnriched, (enriched) => {
    strictEqual(storedEventJson(enriched), `{"message_id":"${enriched.messageId}",${jsonLine(enriched).slice(1, -1)}`);
  }));
});

Deno.test("jsonLine() escapes each character that needs it", () => {
  const characters = [
    ...['"', "\\", "\u0000", "\b", "\f", "\n", "\r", "\t", "\u001f", "\u007f", "\u009b"],
    ...["\u202e", "\u2028", "\u2066", "\ud800", "\udc00", "\ud83c\udfb0"],
  ];
  for (const character of characters) {
    const enriched = { ...unenriched("", gameStart()), description: character };
    strictEqual(jsonLine(enriched), stringified(enriched), JSON.stringify(character));
  }
});

Deno.test("jsonLine() writes a player without an e-mail, and omits an unknown player", () => {
  const line = (lastSignedInMs: number | undefined) =>
    JSON.parse(jsonLine({
      ...unenriched("", gameStart()),
      player: { ...playerOf([]), lastSignedInMs },
    }));
  deepStrictEqual(line(0).player, { last_signed_in_at: "1970-01-01T00:00:00.000Z" });
  deepStrictEqual("player" in line(undefined), false);
});

Deno.test("jsonLine() writes unsafe integers as decimal strings", () => {
  const event = bet({ id: 2n ** 53n, playerId: 2n ** 53n - 1n });
  const line = jsonLine(unenriched("", event));
  strictEqual(line.startsWith('{"id":"9007199254740992","player_id":9007199254740991,'), true, line);
});
