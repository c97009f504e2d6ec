/** kill -9 at every stage of a batch, and a message that kills whoever takes it. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { understand } from "../../../shared/rabbitmq/dead/dead_letter.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { stages } from "../../harness/dying_subscriber.ts";
import { withWorld, type World } from "../../harness/world.ts";

const count = 2_000;

async function sums(world: World) {
  const { bets, counted_bets, ...rest } = await world.sql.one<
    Record<"events" | "counted" | "bets" | "counted_bets", number>
  >(`
    select (select count(*)::int from events) as events, (select sum(events)::int from event_counts) as counted,
      (select count(*)::int from events where type = 'bet') as bets, (select sum(bets)::int from player_totals) as counted_bets`);
  return { ...rest, lackingBets: bets - counted_bets };
}

for (const stage of stages) {
  Deno.test(`killed -9 (${stage}): what it had in hand is stored by another, once, and counted once`, async () => {
    await withWorld(async (world) => {
      await world.startRatesApi();
      await world.publish("--count", String(count), "--seed", "5", "--players", "20");
      const victim = world.launchDyingSubscriber("victim", { DIE_AT: stage, RATES_LOCK_TTL_MS: "2100" });
      strictEqual((await victim.ended).signal, "SIGKILL");
      await world.startSubscriber("heir");
      await world.untilSettled(count);
      deepStrictEqual(await sums(world), { events: count, counted: count, lackingBets: 0 });
      strictEqual(await world.messagesIn(world.dead), 0);
    });
  });
}

Deno.test("a message that kills its process each time ends in the dead letter queue, its neighbours in the database", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const poison = "kills-whoever-takes-it";
    // One at a time, so that neighbours are not dragged along to the limit: it is the same for them.
    const env = { POISON: poison, PREFETCH: "1" };
    let subscriber = world.launchDyingSubscriber("mortal-0", env);
    await world.untilLogged(subscriber, "Consuming");
    const event = (id: bigint) => Buffer.from(encodeEvent(bet({ id, currency: "EUR" })));
    for (let id = 1n; id <= 10n; id++) world.channel.publish(world.events, "", event(id), { messageId: uuid(id) });
    world.channel.publish(world.events, "", Buffer.from(poison), { messageId: uuid(99n) });
    for (let id = 11n; id <= 20n; id++) world.channel.publish(world.events, "", event(id), { messageId: uuid(id) });

    let deaths = 0;
    for (; await world.messagesIn(world.dead) === 0; deaths++) {
      strictEqual(deaths <= 25, true, "the delivery limit stops it");
      const letter = untilDead(world);
      const { signal } = await Promise.race([subscriber.ended, letter]);
      if (signal === null) break;
      subscriber = world.launchDyingSubscriber(`mortal-${deaths + 1}`, env);
    }
    await world.untilSettled(20, 1);
    const letter = await world.channel.get(world.dead, { noAck: true });
    if (!letter) throw new Error("no dead letter");
    const { messageId, reason, body } = understand(letter);
    deepStrictEqual([messageId, reason, new TextDecoder().decode(body)], [uuid(99n), "delivery-limit", poison]);
    match(String(deaths), /^(20|21)$/);
  });
});

async function untilDead(world: World): Promise<{ signal: null }> {
  while (await world.messagesIn(world.dead) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  return { signal: null };
}

function uuid(n: bigint): string {
  return `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;
}
