import { strictEqual } from "node:assert/strict";
import { describe } from "./describe.ts";
import { bet, deposit, gameStart } from "./testing.ts";

const at = (text: string) => ({ seconds: Date.parse(text) / 1000, nanos: 0 });

Deno.test("describe() writes the sentences that were agreed", () => {
  strictEqual(
    describe(gameStart({ createdAt: at("2022-01-10T12:34:56Z") }), undefined, undefined),
    'Player #10 started playing a game "Rocket Dice" on January 10th, 2022 at 12:34 UTC.',
  );
  strictEqual(
    describe(bet(), 468n, "john@example.com"),
    `Player #11 (john@example.com) placed a bet of 5 USD (4.68 EUR) on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
  );
  strictEqual(
    describe(deposit({ createdAt: at("2022-02-03T12:12:00Z") }), 10_000n, undefined),
    "Player #12 made a deposit of 100 EUR on February 3rd, 2022 at 12:12 UTC.",
  );
  strictEqual(
    describe({ ...gameStart({ playerId: 13n, gameId: 102n }), type: "game_stop" }, undefined, undefined),
    'Player #13 stopped playing a game "Wild Spin" on February 2nd, 2022 at 23:45 UTC.',
  );
});

Deno.test("describe() names the email, for every type, when it is known", () => {
  for (const event of [gameStart(), { ...gameStart(), type: "game_stop" as const }, bet(), deposit()]) {
    strictEqual(describe(event, 1n, "a@example.com").startsWith(`Player #${event.playerId} (a@example.com) `), true);
  }
});

Deno.test("describe() says that a bet has won, gives small amounts in full, and an unknown game its number", () => {
  strictEqual(
    describe(bet({ amount: 12_345n, currency: "BTC", gameId: 123n, hasWon: true }), 701n, undefined),
    "Player #11 placed a bet of 0.00012345 BTC (7.01 EUR) on game #123 on February 2nd, 2022 at 23:45 UTC and won.",
  );
  strictEqual(
    describe(bet({ amount: 50n, currency: "EUR" }), 50n, undefined),
    `Player #11 placed a bet of 0.5 EUR on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
  );
});

Deno.test("describe() writes the ordinals of English days", () => {
  const days = {
    1: "1st",
    2: "2nd",
    3: "3rd",
    4: "4th",
    11: "11th",
    12: "12th",
    13: "13th",
    21: "21st",
    22: "22nd",
    23: "23rd",
    30: "30th",
    31: "31st",
  };
  for (const [day, ordinal] of Object.entries(days)) {
    const createdAt = at(`2022-03-${day.padStart(2, "0")}T00:05:00Z`);
    strictEqual(
      describe(gameStart({ createdAt }), undefined, undefined).endsWith(`on March ${ordinal}, 2022 at 00:05 UTC.`),
      true,
      ordinal,
    );
  }
});
