import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { decodeEvent, encodeEvent, UndecodableError } from "./codec.ts";
import { anyEvent } from "./testing/arbitrary_event.ts";

/** The schema once more, for protobufjs's own reading of it. */
const schema = protobuf.parse(
  `
  syntax = "proto3";
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Event {
    int64 id = 1; int64 player_id = 2; int64 game_id = 3; int32 type = 4; int64 amount = 5; string currency = 6;
    bool has_won = 7; Timestamp created_at = 8; string from_the_future = 99;
  }`,
  { keepCase: true },
).root.lookupType("Event");

const bet = { type: "bet", id: 1n, playerId: 11n, gameId: 101n, amount: 500n, currency: "USD", hasWon: true } as const;
const createdAt = { seconds: 1_643_845_500, nanos: 250_000_000 };

Deno.test("decodeEvent() gives back what encodeEvent() was given, over all of int64, times and text", () => {
  fc.assert(fc.property(anyEvent, (event) => deepStrictEqual(decodeEvent(encodeEvent(event)), event)), {
    numRuns: 5_000,
  });
});

Deno.test("encodeEvent() writes the fields of the schema", () => {
  const fields = schema.toObject(schema.decode(encodeEvent({ ...bet, createdAt })), { longs: String });
  deepStrictEqual(fields, {
    id: "1",
    player_id: "11",
    game_id: "101",
    type: 2,
    amount: "500",
    currency: "USD",
    has_won: true,
    created_at: { seconds: "1643845500", nanos: 250_000_000 },
  });
});

Deno.test("decodeEvent() reads past fields that a later version has added", () => {
  const fields = {
    id: 1,
    player_id: 11,
    game_id: 101,
    type: 2,
    amount: 500,
    currency: "USD",
    has_won: true,
    from_the_future: "x",
  };
  const body = schema.encode(schema.create({ ...fields, created_at: createdAt })).finish();
  deepStrictEqual(decodeEvent(body), { ...bet, createdAt });
});

Deno.test("decodeEvent() finds an event, faults, or throws UndecodableError, and nothing else, in whatever bytes", () => {
  let events = 0;
  const read = (body: Uint8Array) => {
    try {
      const event = decodeEvent(body);
      if (!Array.isArray(event)) {
        events++;
        deepStrictEqual(
          decodeEvent(encodeEvent(event)),
          event,
          "an event that was found can be written and found again",
        );
      } else strictEqual(event.length > 0, true);
    } catch (error) {
      if (!(error instanceof UndecodableError)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), read), { numRuns: 5_000 });
  const mutated = fc.tuple(anyEvent, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean()).map(
    ([event, at, byte, cut]) => {
      const body = encodeEvent(event).slice();
      body[at % body.length] = byte;
      return cut ? body.subarray(0, at % body.length) : body;
    },
  );
  fc.assert(fc.property(mutated, read), { numRuns: 10_000 });
  strictEqual(events > 100, true, "some mutations leave an event");
});

Deno.test("decodeEvent() takes an empty body for a message that says nothing", () => {
  const faults = decodeEvent(new Uint8Array());
  deepStrictEqual(Array.isArray(faults) && faults.map(({ field }) => field), ["id", "player_id", "type", "created_at"]);
});
