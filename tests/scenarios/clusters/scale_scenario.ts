/** Several queues, and from one to several and back as docs/scale.md has it, on private servers. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { ChannelModel } from "amqplib";
import { type Generated, generateEvents } from "../../../publisher/generator.ts";
import { publishEvents, Tally } from "../../../publisher/publish.ts";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { eventRouting } from "../../../shared/rabbitmq/shards.ts";
import { shardQueuesOf } from "../../../shared/runtime/configuration/queue_names.ts";
import { ConfirmPublisher } from "../../../shared/rabbitmq/publish/publisher.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { seededRandom, systemRandom as random } from "../../../shared/runtime/random.ts";
import { silentLog as log } from "../../../shared/runtime/telemetry/log.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { freePort, Members } from "../../../tools/demo/members.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { migrateUp } from "../../../tools/migrate/migrator.ts";
import { Checkout } from "../../harness/checkout.ts";
import { project } from "../../harness/world.ts";
import { Session } from "../../../shared/postgres/session.ts";

const [shards, events, players] = [4, 20_000, 1_000];
const queues = shardQueuesOf("casino.events.queue", shards);
const weekMs = 7 * 86_400_000;

Deno.test("four queues: each event is stored once, each player's events use one queue, in a table partitioned by week", async () => {
  await using checkout = await Checkout.make();
  await checkout.up();
  const { DATABASE_URL, RABBITMQ_URL } = checkout.config;
  await using sql = new Session(DATABASE_URL, { name: "casino-test" });
  const broker = await openConnection({ url: RABBITMQ_URL, name: "casino-test" });
  await using members = new Members(project);
  try {
    await migrateUp({ sql, catalogue, clock, say: () => {} });
    const env = { ...checkout.config, RATES_API_ADDRESS: `127.0.0.1:${freePort()}` };
    await members.untilLogged(members.start("rates-api", [], env), "rates_api.ready");
    for (let n = 0; n < shards; n++) {
      const own = { EVENTS_SHARDS: String(shards), EVENTS_SHARDS_TAKEN: String(n), SUBSCRIBER_ID: `shard-${n}` };
      await members.untilLogged(
        members.start("subscriber", ["--quiet", "--http", "off"], { ...env, ...own }),
        "consumer.ready",
      );
    }

    // Half of the events are of this week, half of the next.
    const now = clock.now();
    const source = generateEvents({
      random: seededRandom(1),
      ...{ players, firstId: 1n, timeMs: (n: number) => now + (n < events / 2 ? 0 : weekMs) },
    });
    const made = Array.from({ length: events }, () => source.next().value);
    await publish(RABBITMQ_URL, made);
    await eventually("all are stored", async () => (await rows(sql)) >= events || undefined);
    const spread = await spreadOf(sql);
    console.log(`events by shard: ${spread.map(({ events }) => events).join(", ")}`);
    strictEqual(spread.length, shards);
    strictEqual(spread.reduce((sum, each) => sum + each.players, 0), players, "no player's events are in two shards");
    for (const each of spread) ok(each.events > events / shards / 2, `${each.events} of ${events}`);

    await publish(RABBITMQ_URL, made);
    for (const queue of queues) {
      await eventually("nothing waits", async () => (await waiting(broker, queue)) === 0 || undefined);
    }
    await members.stopAll();
    strictEqual(await rows(sql), events, "those that were there already are not stored again");
    const { counted } = await sql.one("select sum(events)::int as counted from event_counts_now");
    strictEqual(counted, events);
    const partitions = await sql.query(
      "select count(*)::int as events from events group by tableoid order by tableoid",
    );
    deepStrictEqual(partitions.map(({ events }) => events), [events / 2, events / 2]);
  } finally {
    await broker.close();
  }
});

async function publish(url: string, source: readonly Generated[]): Promise<void> {
  const publisher = new ConfirmPublisher({ url, name: "casino-test publisher", topology: [], clock, random, log });
  const tally = new Tally();
  await publishEvents({
    ...{ source, sender: publisher, clock, tally },
    ...eventRouting({ EVENTS_EXCHANGE: "casino.events", EVENTS_SHARDS: shards }),
    ...{ count: undefined, rate: undefined, stop: new AbortController().signal },
    onFailure: (error) => {
      throw error;
    },
  });
  await publisher.close();
  strictEqual(tally.confirmed, source.length);
}

async function rows(sql: Session): Promise<number> {
  return (await sql.one<{ rows: number }>("select count(*)::int as rows from events")).rows;
}

function spreadOf(sql: Session): Promise<{ events: number; players: number }[]> {
  return sql.query(`
    select count(*)::int as events, count(distinct player_id)::int as players
    from events group by subscriber_id order by subscriber_id`);
}

/** Returns the number of ready messages. */
async function waiting(broker: ChannelModel, queue: string): Promise<number> {
  const channel = await broker.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await channel.close();
  return messageCount;
}
