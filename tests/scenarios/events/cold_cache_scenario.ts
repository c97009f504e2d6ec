/** Many subscribers need rates at once, and the cache holds none. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { eventually } from "../../fixtures/eventually.ts";
import { withWorld } from "../../harness/world.ts";
import { publishBets } from "../../servers/test_queues.ts";
import { withRedis } from "../../harness/private_servers.ts";

Deno.test("16 subscribers on a cold cache make one call to the rates API, and every event is stored", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi("--delay-ms", "300");
    const ids = Array.from({ length: 16 }, (_, n) => `subscriber-${n}`);
    // With a small prefetch the broker delivers events to all subscribers at once.
    const subscribers = ids.map((id) => world.launchSubscriber(id, { PREFETCH: "20" }));
    for (const subscriber of subscribers) await world.untilLogged(subscriber, "consumer.ready");
    publishBets(world, 1_600);
    await world.untilSettled(1_600);
    strictEqual((await world.ratesStats()).calls, 1);
    strictEqual(await world.messagesIn(world.dead), 0);
    const shares = await world.sql.query("select distinct subscriber_id from events");
    strictEqual(shares.length, 16, "all of them needed rates");
  });
});

Deno.test("when the holder of the lock is killed, the next call follows after the lock expires, and no event is lost", async () => {
  await withWorld(async (world) => {
    const times = { RATES_CALL_TIMEOUT_MS: "5000", RATES_LOCK_TTL_MS: "6000", RATES_WAIT_MS: "20000" };
    await world.startRatesApi("--delay-ms", "4900");
    const holder = await world.startSubscriber("holder", times);
    publishBets(world, 300);
    await eventually("the holder's call", async () => (await world.ratesStats()).inFlight === 1 || undefined);

    await withRedis(world.env["REDIS_URL"]!, async (redis) => {
      const lock = `${world.env["REDIS_KEY_PREFIX"]}{rates}:lock`;
      const token = await redis.get(lock);
      const others = [world.launchSubscriber("other-1", times), world.launchSubscriber("other-2", times)];
      holder.child.kill("SIGKILL");
      await holder.ended;
      await world.setRatesFaults({});
      for (const other of others) await world.untilLogged(other, "consumer.ready");

      let polls = 0;
      while (true) {
        const { calls } = await world.ratesStats();
        // Read the lock after the count: while the dead holder's token is there, it was there at the count too.
        if (await redis.get(lock) !== token) break;
        polls++;
        strictEqual(calls, 1, "no subscriber calls while the dead holder's lock lasts");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      ok(polls > 0, "the lock outlived its holder");
    });
    await world.untilSettled(300);
    deepStrictEqual([(await world.ratesStats()).calls, await world.messagesIn(world.dead)], [2, 0]);
  });
});
