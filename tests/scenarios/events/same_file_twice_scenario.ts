import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { project, withWorld, type World } from "../../harness/world.ts";

const sample = join(project, "samples/events.ndjson");

async function totals(world: World): Promise<unknown> {
  return [
    await world.sql.one("select count(*)::int as events, sum(amount_eur) as eur from events"),
    await world.sql.one(
      "select sum(bets)::int as bets, sum(wins)::int as wins, sum(deposits_eur) as deposits from player_totals",
    ),
    await world.sql.one("select sum(events)::int as events from event_counts"),
  ];
}

Deno.test("the same file published twice: no row twice, totals unchanged", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("subscriber");
    match(await world.publish("--input", sample), /published 27, confirmed 27/);
    await world.untilSettled(26, 1);
    const before = await totals(world);
    match(await world.publish("--input", sample), /published 27, confirmed 27/);
    // The event in a currency that nobody knows is a dead letter each time: then the others are through as well.
    await world.untilSettled(26, 2);
    await world.stop(subscriber);
    strictEqual(await world.messagesIn(world.events), 0);
    deepStrictEqual(await totals(world), before);
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
