import { match, strictEqual } from "node:assert/strict";
import type { EventOf } from "../../../shared/event/event.ts";
import type { EventType } from "../../../shared/event/kinds.ts";
import { describe } from "./describe.ts";
import { bet, deposit, gameStart } from "../../../tests/fixtures/deliveries.ts";

const at = (text: string) => ({ seconds: Date.parse(text) / 1000, nanos: 0 });

/** An event of each kind, its amount in EUR cents, and its sentence. */
const agreed: { readonly [Type in EventType]: readonly [EventOf<Type>, amountEur: bigint | undefined, string] } = {
  game_start: [
    gameStart({ createdAt: at("2022-01-10T12:34:56Z") }),
    undefined,
    'Player #10 (john@example.com) started playing a game "Rocket Dice" on January 10th, 2022 at 12:34 UTC.',
  ],
  bet: [
    bet(),
    468n,
    `Player #11 (john@example.com) placed a bet of 5 USD (4.68 EUR) on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
  ],
  deposit: [
    deposit({ createdAt: at("2022-02-03T12:12:00Z") }),
    10_000n,
    "Player #12 (john@example.com) made a deposit of 100 EUR on February 3rd, 2022 at 12:12 UTC.",
  ],
  game_stop: [
    { ...gameStart({ playerId: 13n, gameId: 102n }), type: "game_stop" },
    undefined,
    'Player #13 (john@example.com) stopped playing a game "Wild Spin" on February 2nd, 2022 at 23:45 UTC.',
  ],
};

Deno.test("describe() writes the specified sentence for each kind, with the e-mail if it is known", () => {
  for (const [event, amountEur, sentence] of Object.values(agreed)) {
    strictEqual(describe(event, amountEur, "john@example.com"), sentence);
    strictEqual(describe(event, amountEur, undefined), sentence.replace(" (john@example.com)", ""));
  }
});

Deno.test("describe() says that a bet was won, writes small amounts in full, and numbers an unknown game", () => {
  strictEqual(
    describe(bet({ amount: 12_345n, currency: "BTC", gameId: 123n, hasWon: true }), 701n, undefined),
    "Player #11 placed a bet of 0.00012345 BTC (7.01 EUR) on game #123 on February 2nd, 2022 at 23:45 UTC and won.",
  );
  strictEqual(
    describe(bet({ amount: 50n, currency: "EUR" }), 50n, undefined),
    `Player #11 placed a bet of 0.5 EUR on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
  );
});

Deno.test("describe() adds the amount in EUR in brackets unless it is in EUR, in major units", () => {
  const cases: [amount: bigint, currency: string, amountEur: bigint, money: string][] = [
    [500n, "USD", 468n, "5 USD (4.68 EUR)"],
    [500n, "EUR", 500n, "5 EUR"],
    [1n, "EUR", 1n, "0.01 EUR"],
    [0n, "USD", 0n, "0 USD (0 EUR)"],
    [150n, "JPY", 87n, "150 JPY (0.87 EUR)"],
    [1_500n, "KWD", 450n, "1.5 KWD (4.5 EUR)"],
    [1n, "BTC", 0n, "0.00000001 BTC (0 EUR)"],
    [100_000_000n, "BTC", 5_681_818n, "1 BTC (56818.18 EUR)"],
    [2n ** 63n - 1n, "USD", 2n ** 63n - 1n, "92233720368547758.07 USD (92233720368547758.07 EUR)"],
  ];
  for (const [amount, currency, amountEur, money] of cases) {
    match(
      describe(deposit({ amount, currency }), amountEur, undefined),
      new RegExp(`made a deposit of ${RegExp.escape(money)} on `),
    );
    match(
      describe(bet({ amount, currency }), amountEur, undefined),
      new RegExp(`placed a bet of ${RegExp.escape(money)} on a game`),
    );
  }
});

Deno.test("describe() knows the titles of ten games, and numbers any other", () => {
  const titles = [
    ...["Rocket Dice", "It's bananas!", "Wild Spin", "Book of Dead", "Pirate Jackpots", "Western Gold 2"],
    ...["Super Rainbow Megaways", "#BarsAndBells", "Fortune Three", "ChilliPop"],
  ];
  const playing = (gameId: bigint) =>
    /started playing (.*) on February/.exec(describe(gameStart({ gameId }), undefined, undefined))?.[1];
  for (const [index, title] of titles.entries()) strictEqual(playing(100n + BigInt(index)), `a game "${title}"`);
  for (const id of [99n, 110n, 2n ** 63n - 1n, -1n]) strictEqual(playing(id), `game #${id}`);
});

Deno.test("describe() writes the time in UTC, with the month's name and two digits for hour and minute", () => {
  const cases = {
    "2022-01-01T00:00:00Z": "January 1st, 2022 at 00:00 UTC.",
    "2022-12-31T23:59:59Z": "December 31st, 2022 at 23:59 UTC.",
    "2024-02-29T09:05:00Z": "February 29th, 2024 at 09:05 UTC.",
    "1969-07-20T20:17:40Z": "July 20th, 1969 at 20:17 UTC.",
    "0001-01-01T00:00:00Z": "January 1st, 1 at 00:00 UTC.",
    "9999-12-31T23:59:59Z": "December 31st, 9999 at 23:59 UTC.",
  };
  for (const [time, words] of Object.entries(cases)) {
    const sentence = describe(gameStart({ createdAt: { ...at(time), nanos: 999_999_999 } }), undefined, undefined);
    strictEqual(sentence.split(" on ").at(-1), words);
  }
  const english = new Intl.DateTimeFormat("en", { month: "long", timeZone: "UTC" });
  for (let month = 0; month < 12; month++) {
    const createdAt = { seconds: Date.UTC(2022, month, 15) / 1000, nanos: 0 };
    const name = english.format(createdAt.seconds * 1000);
    match(
      describe(gameStart({ createdAt }), undefined, undefined),
      new RegExp(` on ${name} 15th, 2022 at 00:00 UTC\\.$`),
    );
  }
});

Deno.test("describe() writes the ordinals of English days", () => {
  for (const ordinal of ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th", "31st"]) {
    const createdAt = at(`2022-03-${String(parseInt(ordinal)).padStart(2, "0")}T00:05:00Z`);
    strictEqual(
      describe(gameStart({ createdAt }), undefined, undefined).endsWith(` on March ${ordinal}, 2022 at 00:05 UTC.`),
      true,
      ordinal,
    );
  }
});
