import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeFaults, type Draft, eventOf } from "./event.ts";
import { kindOf, kinds } from "./kinds.ts";
import { anyTimestamp } from "../../tests/fixtures/arbitraries.ts";

const createdAt = { seconds: 1_643_845_500, nanos: 0 };
const bet: Draft = {
  id: 1n,
  playerId: 11n,
  gameId: 101n,
  kind: kindOf("bet"),
  amount: 500n,
  currency: "USD",
  hasWon: true,
  createdAt,
};
const deposit: Draft = { ...bet, kind: kindOf("deposit"), gameId: 0n, hasWon: false };
const start: Draft = { ...bet, kind: kindOf("game_start"), amount: 0n, currency: "", hasWon: false };

function faultsOf(draft: Draft): string {
  const event = eventOf(draft);
  return Array.isArray(event) ? describeFaults(event) : "";
}

Deno.test("eventOf() keeps only the fields of the type", () => {
  deepStrictEqual(eventOf(bet), {
    type: "bet",
    id: 1n,
    playerId: 11n,
    gameId: 101n,
    amount: 500n,
    currency: "USD",
    hasWon: true,
    createdAt,
  });
  deepStrictEqual(eventOf(deposit), {
    type: "deposit",
    id: 1n,
    playerId: 11n,
    amount: 500n,
    currency: "USD",
    createdAt,
  });
  for (const type of ["game_start", "game_stop"] as const) {
    deepStrictEqual(eventOf({ ...start, kind: kindOf(type) }), {
      type,
      id: 1n,
      playerId: 11n,
      gameId: 101n,
      createdAt,
    });
  }
});

Deno.test("eventOf() names each invalid field", () => {
  const cases: [Draft, string][] = [
    [{ ...bet, id: 0n }, "id is missing"],
    [{ ...bet, playerId: 0n }, "player_id is missing"],
    [{ ...bet, gameId: 0n }, "game_id is missing"],
    [{ ...bet, kind: undefined }, "type is missing"],
    [{ ...bet, kind: 99 }, "type = 99 is unknown to this version"],
    [{ ...bet, amount: -1n }, "amount = -1 must be 0 or more"],
    [{ ...bet, currency: "" }, "currency is missing"],
    [{ ...bet, currency: "\ud800" }, "currency contains an unpaired surrogate"],
    [{ ...bet, createdAt: undefined }, "created_at is missing"],
    [
      { ...bet, createdAt: { seconds: 253_402_300_800, nanos: 0 } },
      "created_at is out of range (253402300800 s, 0 ns)",
    ],
    [{ ...bet, createdAt: { seconds: 0, nanos: -1 } }, "created_at is out of range (0 s, -1 ns)"],
    [{ ...deposit, gameId: 1n }, "game_id does not apply to a deposit"],
    [{ ...deposit, hasWon: true }, "has_won does not apply to a deposit"],
    [{ ...start, amount: 1n }, "amount does not apply to a game_start"],
    [{ ...start, currency: "EUR" }, "currency does not apply to a game_start"],
    [{ ...start, id: 0n, hasWon: true }, "id is missing; has_won does not apply to a game_start"],
  ];
  for (const [draft, faults] of cases) strictEqual(faultsOf(draft), faults);
});

Deno.test("eventOf() accepts an amount of zero, because a bet may be free", () => {
  strictEqual(faultsOf({ ...bet, amount: 0n }), "");
});

Deno.test("eventOf() returns an event, or names exactly the invalid fields, for every draft", () => {
  const int = fc.constantFrom(-5n, 0n, 0n, 7n, 2n ** 63n - 1n);
  const anyDraft: fc.Arbitrary<Draft> = fc.record({
    id: int,
    playerId: int,
    gameId: int,
    kind: fc.constantFrom(undefined, 99, ...kinds),
    amount: int,
    currency: fc.constantFrom("", "EUR", "\ud800", "\udc00x", "€"),
    hasWon: fc.boolean(),
    createdAt: fc.option(fc.oneof(anyTimestamp, fc.record({ seconds: fc.double(), nanos: fc.integer() })), {
      nil: undefined,
    }),
  });
  let events = 0;
  fc.assert(
    fc.property(anyDraft, (draft) => {
      const event = eventOf(draft);
      const faulty = new Set(Array.isArray(event) ? event.map(({ field }) => field) : []);
      deepStrictEqual([...faulty].toSorted(), faultyFields(draft).toSorted());
      if (!Array.isArray(event)) {
        events++;
        const { type, ...fields } = event;
        strictEqual(draft.kind, kindOf(type));
        for (const [key, value] of Object.entries(fields)) deepStrictEqual(value, draft[key as keyof Draft], key);
      }
    }),
    { numRuns: 10_000 },
  );
  strictEqual(events > 50, true, "some drafts are events");
});

/** A second implementation of the rules in the schema's comments, field by field. */
function faultyFields({ id, playerId, gameId, kind, amount, currency, hasWon, createdAt }: Draft): string[] {
  const isKnown = typeof kind === "object";
  const isTime = createdAt !== undefined && Number.isInteger(createdAt.seconds) &&
    createdAt.seconds >= Date.parse("0001-01-01T00:00:00Z") / 1000 &&
    createdAt.seconds <= Date.parse("9999-12-31T23:59:59Z") / 1000 && createdAt.nanos >= 0 && createdAt.nanos < 1e9;
  const broken = {
    id: id === 0n,
    player_id: playerId === 0n,
    type: !isKnown,
    created_at: !isTime,
    game_id: isKnown && kind.hasGame === (gameId === 0n),
    amount: amount < 0n || (isKnown && !kind.hasMoney && amount > 0n),
    currency: !currency.isWellFormed() || (isKnown && kind.hasMoney === (currency === "")),
    has_won: isKnown && !kind.hasOutcome && hasWon,
  };
  return Object.entries(broken).filter(([, isBroken]) => isBroken).map(([field]) => field);
}
