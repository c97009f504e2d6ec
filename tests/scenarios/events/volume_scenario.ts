/**
 * The main job: at volume, compared with sums that another library computes from the same input; and from a file,
 * twice.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
// @ts-types="@types/big.js"
import Big from "big.js";
import { project, withWorld } from "../../harness/world.ts";
import { materializedBySql } from "../../servers/materialized_by_sql.ts";

const count = 100_000;

/** The European Central Bank's rates of 2024-06-28, and the number of digits of each minor unit. */
const currencies: Record<string, { perEur: string; exponent: number }> = {
  EUR: { perEur: "1", exponent: 2 },
  USD: { perEur: "1.0705", exponent: 2 },
  GBP: { perEur: "0.84638", exponent: 2 },
  NZD: { perEur: "1.7601", exponent: 2 },
  JPY: { perEur: "171.94", exponent: 0 },
  BTC: { perEur: "0.0000176", exponent: 8 },
};

interface Line {
  id: number;
  player_id: number;
  type: string;
  amount?: number;
  currency?: string;
  has_won?: boolean;
}

Deno.test("100,000 events through 4 subscribers: each is stored once, and every sum equals the input's", async () => {
  Big.DP = 40;
  await withWorld(async (world) => {
    const generated = await world.publish("--count", String(count), "--seed", "42", "--players", "1000", "--dry-run");
    const lines = generated.split("\n").map((line): Line => JSON.parse(line));
    strictEqual(lines.length, count);
    const file = await Deno.makeTempFile({ suffix: ".ndjson" });
    await Deno.writeTextFile(file, generated);

    await world.startRatesApi();
    const subscribers = await Promise.all([1, 2, 3, 4].map((n) => world.startSubscriber(`subscriber-${n}`)));
    match(await world.publish("--input", file), /published 100000, confirmed 100000, returned 0, failed 0;/);
    await Deno.remove(file);
    await world.untilSettled(count);
    await Promise.all(subscribers.map((subscriber) => world.stop(subscriber)));

    const { sql } = world;
    deepStrictEqual([await world.messagesIn(world.events), await world.messagesIn(world.dead)], [0, 0]);
    const expected = new Map(lines.map((line) => [String(line.id), rowOf(line)]));
    const rows = await sql.query("select event_id, player_id, type, amount, currency, amount_eur from events");
    strictEqual(rows.length, count);
    for (const { event_id, ...row } of rows) {
      deepStrictEqual(Object.values(row), expected.get(String(event_id)), `event ${event_id}`);
    }
    const players = await sql.query("select player_id, bets, wins, deposits_eur from player_totals_now");
    deepStrictEqual(
      new Map(players.map(({ player_id, ...sums }) => [Number(player_id), Object.values(sums).map(Number)])),
      playersOf(lines),
    );
    deepStrictEqual(await sql.one("select sum(events)::int as counted from event_counts_now"), { counted: count });
    const shares = await sql.query("select distinct subscriber_id from events");
    strictEqual(shares.length, 4, "each of the four subscribers stored some");
    strictEqual((await world.ratesStats()).calls, 1);
  });
});

function rowOf(line: Line): unknown[] {
  return [String(line.player_id), line.type, line.amount?.toString() ?? null, line.currency ?? null, eurCents(line)];
}

function eurCents({ amount, currency }: Line): string | null {
  if (amount === undefined || currency === undefined) return null;
  const { perEur, exponent } = currencies[currency]!;
  return Big(amount).div(Big(10).pow(exponent)).div(perEur).times(100).round(0, Big.roundHalfUp).toFixed();
}

function playersOf(lines: readonly Line[]): Map<number, number[]> {
  const players = new Map<number, [bets: number, wins: number, deposits: number]>();
  for (const line of lines) {
    if (line.type !== "bet" && line.type !== "deposit") continue;
    const [bets, wins, deposits] = players.get(line.player_id) ?? [0, 0, 0];
    players.set(
      line.player_id,
      line.type === "bet"
        ? [bets + 1, wins + Number(line.has_won), deposits]
        : [bets, wins, deposits + Number(eurCents(line))],
    );
  }
  return players;
}

Deno.test("a file is published twice: no row twice, and totals unchanged", async () => {
  const sample = join(project, "samples/events.ndjson");
  await withWorld(async (world) => {
    const totals = async () => [
      await materializedBySql(world.sql),
      await world.sql.one(
        "select sum(bets)::int as bets, sum(wins)::int as wins, sum(deposits_eur) from player_totals_now",
      ),
      await world.sql.one("select sum(events)::int as counted from event_counts_now"),
    ];
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("subscriber");
    match(await world.publish("--input", sample), /published 27, confirmed 27/);
    await world.untilSettled(26, 1);
    const before = await totals();
    match(await world.publish("--input", sample), /published 27, confirmed 27/);
    // Each time, the event in a currency without a rate becomes a dead letter, and then the others are done too.
    await world.untilSettled(26, 2);
    await world.stop(subscriber);
    strictEqual(await world.messagesIn(world.events), 0);
    deepStrictEqual(await totals(), before);
    const described = await world.sql.query(
      "select description from events where event_id in (1, 2, 6, 8, 25) order by event_id",
    );
    deepStrictEqual(described.map(({ description }) => description), [
      'Player #10 (john@example.com) started playing a game "Rocket Dice" on January 10th, 2022 at 12:34 UTC.',
      `Player #11 (jane@example.com) placed a bet of 5 USD (4.67 EUR) on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
      'Player #10 (john@example.com) placed a bet of 12.5 EUR on a game "Rocket Dice" on January 10th, 2022 at 12:35 UTC and won.',
      "Player #14 (morty@example.com) made a deposit of 0.00012345 BTC (7.01 EUR) on January 11th, 2022 at 08:00 UTC.",
      "Player #16 started playing game #123 on February 11th, 2022 at 00:00 UTC.",
    ]);
  });
});
