/** The main job at volume, against sums that code of somebody else makes from the same input. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
// @ts-types="@types/big.js"
import Big from "big.js";
import { withWorld } from "../../harness/world.ts";

const count = 100_000;

/** The European Central Bank's rates of 2024-06-28, with the digits of the minor unit. */
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

Deno.test("100,000 events through 4 subscribers: each stored once, every sum as recomputed from the input", async () => {
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
    strictEqual(await world.rows(), count);
    deepStrictEqual([await world.messagesIn(world.events), await world.messagesIn(world.dead)], [0, 0]);

    const expected = new Map(lines.map((line) => [String(line.id), eurCents(line)]));
    const rows = await sql.query<{ id: string; eur: string | null }>(
      "select event_id as id, amount_eur as eur from events",
    );
    for (const { id, eur } of rows) strictEqual(eur, expected.get(id), `event ${id}`);

    const sums = await sql.query(`select type, currency, sum(amount) as amount, sum(amount_eur) as eur from events
      where amount is not null group by 1, 2`);
    deepStrictEqual(
      Object.fromEntries(sums.map(({ type, currency, amount, eur }) => [`${type} ${currency}`, [amount, eur]])),
      sumsOf(lines),
    );
    const players = await sql.query<Record<string, string>>(
      "select player_id, bets, wins, deposits_eur from player_totals",
    );
    deepStrictEqual(
      Object.fromEntries(
        players.map(({ player_id, bets, wins, deposits_eur }) => [player_id, [bets, wins, deposits_eur].map(Number)]),
      ),
      playersOf(lines),
    );
    const { counted } = await sql.one("select sum(events)::int as counted from event_counts");
    strictEqual(counted, count);
    const shares = await sql.query("select distinct subscriber_id from events");
    strictEqual(shares.length, 4, "each of the four subscribers stored some");
    strictEqual((await world.ratesStats()).calls, 1);
  });
});

function eurCents({ amount, currency }: Line): string | null {
  if (amount === undefined || currency === undefined) return null;
  const { perEur, exponent } = currencies[currency]!;
  return Big(amount).div(Big(10).pow(exponent)).div(perEur).times(100).round(0, Big.roundHalfUp).toFixed();
}

function sumsOf(lines: readonly Line[]): Record<string, [string, string]> {
  const sums: Record<string, [string, string]> = {};
  for (const line of lines) {
    if (line.amount === undefined) continue;
    const [amount, eur] = sums[`${line.type} ${line.currency}`] ?? ["0", "0"];
    sums[`${line.type} ${line.currency}`] = [
      Big(amount).plus(line.amount).toFixed(),
      Big(eur).plus(eurCents(line)!).toFixed(),
    ];
  }
  return sums;
}

function playersOf(lines: readonly Line[]): Record<string, number[]> {
  const players: Record<string, [number, number, number]> = {};
  for (const line of lines) {
    if (line.type !== "bet" && line.type !== "deposit") continue;
    const player = players[line.player_id] ??= [0, 0, 0];
    if (line.type === "bet") player[0]++;
    if (line.has_won) player[1]++;
    if (line.type === "deposit") player[2] += Number(eurCents(line));
  }
  return players;
}
