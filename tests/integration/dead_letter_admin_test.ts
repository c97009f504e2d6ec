/** The suite on RabbitMQ, and what only a broker that is somewhere else can get wrong. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Channel } from "amqplib";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { eventually, type TestQueues, withTestQueues } from "../servers/test_queues.ts";
import { ensureTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../shared/runtime/random.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { type AmqpAdminOptions, AmqpDeadLetterAdmin } from "../../shared/rabbitmq/dead/amqp_admin.ts";
import { letterOf, testDesk } from "../conformance/dead_letter_admin.ts";

const everything = { filter: {}, signal: new AbortController().signal };

testDesk({
  name: "AmqpDeadLetterAdmin",
  withDesk: (use, options) =>
    withTestQueues(async (queues) => {
      const { channel, events, dead } = await declared(queues);
      const admin = deskOf(queues, options);
      await use({
        admin,
        bury: (letters) => bury(channel, dead, letters),
        events: () => takeAll(channel, events),
        waiting: async () => (await channel.checkQueue(dead)).messageCount,
      });
      await admin.close();
    }),
});

function deskOf({ events, dead, broker }: TestQueues, options: Partial<AmqpAdminOptions> = {}): AmqpDeadLetterAdmin {
  const config = { RABBITMQ_URL: broker.url, EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead };
  return new AmqpDeadLetterAdmin({ config, name: events, clock, random, ...options });
}

/** The queues as the members declare them. */
async function declared(queues: TestQueues): Promise<TestQueues> {
  const connection = await openConnection(queues.broker);
  await ensureTopology(connection, queues.topology);
  await connection.close();
  return queues;
}

async function bury(channel: Channel, dead: string, letters: readonly Delivery[]): Promise<void> {
  for (const { messageId, body, headers, appId, timestampMs } of letters) {
    const timestamp = timestampMs! / 1_000;
    channel.publish(dead, "", Buffer.from(body), { messageId, headers, appId: appId!, timestamp, persistent: true });
  }
  await eventually(
    "the letters",
    async () => (await channel.checkQueue(dead)).messageCount === letters.length || undefined,
  );
}

async function takeAll(channel: Channel, queue: string): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  for (let got; (got = await channel.get(queue, { noAck: true }));) {
    const { messageId, headers = {}, appId, timestamp } = got.properties;
    taken.push({ messageId, body: got.content, headers, appId, timestampMs: timestamp * 1_000 });
  }
  return taken;
}

Deno.test("AmqpDeadLetterAdmin.replay() counts what the broker does not accept as failed, with its words, and leaves it", async () => {
  await withTestQueues(async (queues) => {
    const { channel, events, dead } = await declared(queues);
    await bury(channel, dead, [letterOf("invalid"), letterOf("invalid")]);
    await channel.deleteQueue(events);
    await channel.assertQueue(events, { autoDelete: true });
    const admin = deskOf(queues);
    const { problem, ...counts } = await admin.replay(everything);
    deepStrictEqual(counts, { replayed: 0, refused: 0, failed: 2 });
    match(problem ?? "", /exists with other properties/);
    strictEqual((await channel.checkQueue(dead)).messageCount, 2);
    await admin.close();
  });
});

Deno.test("AmqpDeadLetterAdmin gives up on a broker that does not answer, and works again when it does", async () => {
  await withTestQueues(async (queues) => {
    await declared(queues);
    await using proxy = await TcpProxy.before(queues.broker.url);
    const broker = { ...queues.broker, url: proxy.url };
    const admin = deskOf({ ...queues, broker }, { timeoutMs: 500 });
    proxy.holdUp();
    const silent = await Promise.allSettled([admin.list({ ...everything, limit: 1 }), admin.drop(everything)]);
    deepStrictEqual(silent.map((each) => each.status === "rejected" && each.reason.name), [
      "DeadLetterTimeout",
      "DeadLetterTimeout",
    ]);
    proxy.letGo();
    await eventually("an answer", () => admin.list({ ...everything, limit: 1 }).catch(() => undefined));
    await admin.close();
  });
});

Deno.test("AmqpDeadLetterAdmin says that there is no dead letter queue, and goes on when there is one", async () => {
  await withTestQueues(async (queues) => {
    const admin = deskOf(queues);
    await rejects(admin.list({ ...everything, limit: 1 }), new RegExp(`There is no queue ${queues.dead} at `));
    await declared(queues);
    deepStrictEqual(await admin.list({ ...everything, limit: 1 }), { letters: [], total: 0 });
    await admin.close();
  });
});
