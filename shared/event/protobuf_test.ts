import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { decodeEvent, encodeEvent, UndecodableError } from "./protobuf.ts";
import eventProto from "../../proto/casino/events/v1/event.proto" with { type: "text" };
import type { Event } from "./event.ts";
import { kinds } from "./kinds.ts";
import { anyEvent } from "../../tests/fixtures/arbitraries.ts";

/** The schema and a later version of it, as protobufjs parses them. */
const schema = schemaOf(eventProto);
const laterSchema = schemaOf(
  eventProto.replace("EVENT_TYPE_UNSPECIFIED = 0;", "EVENT_TYPE_UNSPECIFIED = 0; EVENT_TYPE_JACKPOT = 99;")
    .replace("created_at = 8;", "created_at = 8; string from_the_future = 99;"),
);

function schemaOf(proto: string): protobuf.Type {
  const root = new protobuf.Root();
  root.addJSON(protobuf.common.get("google/protobuf/timestamp.proto")!.nested!);
  protobuf.parse(proto, root, { keepCase: true });
  return root.lookupType("casino.events.v1.Event");
}

/** The event under the schema's names, for protobufjs's `fromObject`, without fields that do not apply. */
function fieldsOf(event: Event): Record<string, unknown> {
  return {
    id: String(event.id),
    player_id: String(event.playerId),
    ...("gameId" in event && { game_id: String(event.gameId) }),
    type: `EVENT_TYPE_${event.type.toUpperCase()}`,
    ...("amount" in event && { amount: String(event.amount), currency: event.currency }),
    ...("hasWon" in event && { has_won: event.hasWon }),
    created_at: { seconds: String(event.createdAt.seconds), nanos: event.createdAt.nanos },
  };
}

const bet = { type: "bet", id: 1n, playerId: 11n, gameId: 101n, amount: 500n, currency: "USD", hasWon: true } as const;
const createdAt = { seconds: 1_643_845_500, nanos: 250_000_000 };

Deno.test("kinds match the names and numbers of the schema", () => {
  deepStrictEqual(
    {
      EVENT_TYPE_UNSPECIFIED: 0,
      ...Object.fromEntries(kinds.map(({ type, wireNumber }) => [`EVENT_TYPE_${type.toUpperCase()}`, wireNumber])),
    },
    { ...schema.root.lookupEnum("casino.events.v1.EventType").values },
  );
});

Deno.test("encodeEvent() writes the same bytes as protobufjs with the schema alone", () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const expected = schema.encode(schema.fromObject(fieldsOf(event))).finish();
      strictEqual(encodeEvent(event).toHex(), expected.toHex());
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("decodeEvent() reads fields in any order, the last of repeated ones, and explicit defaults", () => {
  fc.assert(
    fc.property(anyEvent, fc.infiniteStream(fc.nat()), (event, order) => {
      const parts = Object.entries(fieldsOf(event)).map(([name, value]) => {
        const bytes = schema.encode(schema.fromObject({ [name]: value })).finish();
        return { bytes, rank: order.next().value };
      });
      const shuffled = parts.toSorted((a, b) => a.rank - b.rank).flatMap(({ bytes }) => [...bytes]);
      // id = 0, player_id = -1, has_won = false: either defaults, or later fields overwrite them.
      const before = [0x08, 0x00, 0x10, ...new Array(9).fill(0xff), 0x01, 0x38, 0x00];
      deepStrictEqual(decodeEvent(Uint8Array.from([...before, ...shuffled])), event);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("decodeEvent() skips fields of later versions, and names unknown kinds by number", () => {
  const event = { ...bet, createdAt };
  const body = laterSchema.encode(laterSchema.fromObject({ ...fieldsOf(event), from_the_future: "x" })).finish();
  deepStrictEqual(decodeEvent(body), event);
  const newKind = laterSchema.encode(laterSchema.fromObject({ ...fieldsOf(event), type: "EVENT_TYPE_JACKPOT" }))
    .finish();
  deepStrictEqual(decodeEvent(newKind), [{ field: "type", problem: "= 99 is unknown to this version" }]);
});

Deno.test("decodeEvent() reports the length of an undecodable body and the cause", () => {
  const cases: [string, number[], RegExp][] = [
    ["cut within a field", [...encodeEvent({ ...bet, createdAt })].slice(0, -1), /^\d+ bytes are not a casino\.events/],
    ["JSON", [...new TextEncoder().encode('{"id":1}')], /^8 bytes are not a casino\.events\.v1\.Event: ./],
    ["text that is no UTF-8", [0x32, 0x02, 0xc3, 0x28], /^4 bytes are not .*: ./],
    ["a varint without end", new Array(12).fill(0xff), /^12 bytes are not .*: ./],
    ["a length beyond the end", [0x42, 0xff, 0xff, 0xff, 0xff, 0x0f], /^6 bytes are not .*: ./],
    ["groups within groups", new Array(100_000).fill(0x7b), /^100000 bytes are not .*: ./],
  ];
  for (const [name, bytes, message] of cases) {
    throws(
      () => decodeEvent(Uint8Array.from(bytes)),
      (error: unknown) =>
        error instanceof UndecodableError && message.test(error.message) && error.message.length < 200,
      name,
    );
  }
});

Deno.test("decodeEvent() reads an empty body as a message without fields", () => {
  const faults = decodeEvent(new Uint8Array());
  deepStrictEqual(Array.isArray(faults) && faults.map(({ field }) => field), ["id", "player_id", "type", "created_at"]);
});
