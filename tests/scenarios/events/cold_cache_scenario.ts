/** Many subscribers that all need rates at once, and a cache that has none. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { closeRedis, openRedis } from "../../../shared/redis/client.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { controlClient } from "../../../rates-api/control_client.ts";
import { noFaults } from "../../../rates-api/faults.ts";
import { eventually } from "../../servers/test_queues.ts";
import { withWorld, type World } from "../../harness/world.ts";

/** Bets in USD: each needs rates. */
async function publishBets(world: World, count: number): Promise<void> {
  const bets = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    player_id: 10 + i % 5,
    game_id: 100,
    type: "bet",
    amount: 100 + i,
    currency: "USD",
    created_at: "2024-06-28T12:00:00Z",
  }));
  const file = await Deno.makeTempFile({ suffix: ".ndjson" });
  await Deno.writeTextFile(file, bets.map((bet) => JSON.stringify(bet)).join("\n"));
  await world.publish("--input", file);
  await Deno.remove(file);
}

Deno.test("16 subscribers on a cold cache make one call to the rates API, and every event is stored", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi("--delay-ms", "300");
    const ids = Array.from({ length: 16 }, (_, n) => `subscriber-${n}`);
    // With a small prefetch the broker hands events to all of them at once.
    const subscribers = ids.map((id) => world.launchSubscriber(id, { PREFETCH: "20" }));
    for (const subscriber of subscribers) await world.untilLogged(subscriber, "Consuming");
    await publishBets(world, 1_600);
    await world.untilSettled(1_600);
    strictEqual((await world.ratesStats()).calls, 1);
    strictEqual(await world.messagesIn(world.dead), 0);
    const shares = await world.sql.query("select distinct subscriber_id from events");
    strictEqual(shares.length, 16, "all of them needed rates");
  });
});

Deno.test("when the holder of the lock is killed, the next call comes after the lock has ended, and no event is lost", async () => {
  await withWorld(async (world) => {
    const times = { RATES_CALL_TIMEOUT_MS: "5000", RATES_LOCK_TTL_MS: "6000", RATES_WAIT_MS: "20000" };
    await world.startRatesApi("--delay-ms", "4900");
    const holder = await world.startSubscriber("holder", times);
    await publishBets(world, 300);
    await eventually("the holder's call", async () => (await world.ratesStats()).inFlight === 1 || undefined);

    const redis = await openRedis(world.env["REDIS_URL"]!, { name: "casino-test", log: silentLog });
    const lock = `${world.env["REDIS_KEY_PREFIX"]}{rates}:lock`;
    const token = await redis.get(lock);
    const others = [world.launchSubscriber("other-1", times), world.launchSubscriber("other-2", times)];
    holder.child.kill("SIGKILL");
    await holder.ended;
    using control = controlClient(world.env["RATES_API_ADDRESS"]!, world.env["RATES_API_KEY"]!);
    await control.setFaults(noFaults);
    for (const other of others) await world.untilLogged(other, "Consuming");

    let polls = 0;
    while (true) {
      const { calls } = await world.ratesStats();
      // Read afterwards: while the dead holder's token is still there, the count before it was too.
      if (await redis.get(lock) !== token) break;
      polls++;
      strictEqual(calls, 1, "nobody calls while the dead holder's lock lasts");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await closeRedis(redis);
    await world.untilSettled(300);
    strictEqual(polls > 0, true, "the lock outlived its holder");
    deepStrictEqual([(await world.ratesStats()).calls, await world.rows(), await world.messagesIn(world.dead)], [
      2,
      300,
      0,
    ]);
  });
});
