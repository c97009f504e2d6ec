/** Every valid event, for properties. */
import fc from "fast-check";
import type { Event } from "../event/event.ts";
import { kinds } from "../event/kinds.ts";
import type { Timestamp } from "../event/timestamp.ts";

/** Objects as our code makes them, with a prototype. */
const plain = { noNullPrototype: true } as const;

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const present = int64.filter((value) => value !== 0n);
const amount = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const currency = fc.oneof(
  fc.constantFrom("EUR", "USD", "JPY", "BTC"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
)
  .filter((text) => text.isWellFormed());

/** All of the years 1 to 9999, to the nanosecond. */
export const anyTimestamp: fc.Arbitrary<Timestamp> = fc.record({
  seconds: fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
}, plain);

const common = { id: present, playerId: present, createdAt: anyTimestamp };

/** Of every kind, with the fields that the kind has. */
export const anyEvent = fc.oneof(...kinds.map(({ type, hasGame, hasMoney, hasOutcome }) =>
  fc.record({
    ...common,
    type: fc.constant(type),
    ...(hasGame && { gameId: present }),
    ...(hasMoney && { amount, currency }),
    ...(hasOutcome && { hasWon: fc.boolean() }),
  }, plain)
)) as fc.Arbitrary<Event>;
