/** kill -9 at every stage of a batch, and a poison message that kills each process that takes it. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { stages } from "../../harness/dying_subscriber.ts";
import { withWorld } from "../../harness/world.ts";
import { checkTotals } from "../../servers/materialized_by_sql.ts";
import { publishBet, uuidOf } from "../../servers/test_queues.ts";

const count = 2_000;

for (const stage of stages) {
  Deno.test(`killed -9 (${stage}): its events in hand are stored by another subscriber, and counted once`, async () => {
    await withWorld(async (world) => {
      await world.startRatesApi();
      await world.publish("--count", String(count), "--seed", "5", "--players", "20");
      const victim = world.launchDyingSubscriber("victim", { DIE_AT: stage, RATES_LOCK_TTL_MS: "2100" });
      strictEqual((await victim.ended).signal, "SIGKILL");
      await world.startSubscriber("heir");
      await world.untilSettled(count);
      await checkTotals(world.sql, count);
      strictEqual(await world.messagesIn(world.dead), 0);
    });
  });
}

Deno.test("a message that kills its process each time ends in the dead letter queue, and its neighbours in the database", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const poison = "kills-each-process-that-takes-it";
    // One at a time: neighbours in the same prefetch would reach the delivery limit together with the poison message.
    const env = { POISON: poison, PREFETCH: "1" };
    let subscriber = world.launchDyingSubscriber("mortal-0", env);
    await world.untilLogged(subscriber, "consumer.ready");
    for (let id = 1; id <= 10; id++) publishBet(world, id, "EUR");
    world.channel.publish(world.events, "", Buffer.from(poison), { messageId: uuidOf(99) });
    for (let id = 11; id <= 20; id++) publishBet(world, id, "EUR");

    const isDead = async () => await world.messagesIn(world.dead) > 0;
    let deaths = 0;
    while (!await isDead()) {
      const ended = await Promise.race([
        subscriber.ended.then(() => true),
        new Promise((resolve) => setTimeout(resolve, 100)),
      ]);
      if (!ended) continue;
      subscriber = world.launchDyingSubscriber(`mortal-${++deaths}`, env);
      ok(deaths <= 25, "the delivery limit stops it");
    }
    await world.untilSettled(20, 1);
    const letters = await world.deadLetters();
    deepStrictEqual(
      letters.map(({ messageId, reason, body }) => [messageId, reason, new TextDecoder().decode(body)]),
      [[uuidOf(99), "delivery-limit", poison]],
    );
    match(String(deaths), /^(20|21)$/);
  });
});
