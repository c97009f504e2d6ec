/** The queues that 0.1.0 declared, under this version: reused, left alone, or removed once they are empty. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Channel, type ChannelModel, connect } from "amqplib";
import {
  ensureTopology,
  eventTopology,
  exchangesOf,
  onChannel,
  TopologyError,
} from "../../shared/rabbitmq/topology.ts";
import { formerQueues, formerTopology, removeFormer } from "../../tools/provision/former.ts";
import { eventually } from "../fixtures/eventually.ts";
import { declareFormer } from "../servers/former_topology.ts";
import { servers, uniqueName } from "../servers/servers.ts";

const ms = 60_000;

interface Broker {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  readonly name: string;
}

function test(what: string, use: (broker: Broker) => Promise<void>): void {
  Deno.test(what, async () => {
    const name = uniqueName("test.former");
    const connection = await connect(servers.RABBITMQ_URL);
    const channel = await connection.createChannel();
    try {
      await use({ connection, channel, name });
    } finally {
      for (const delayed of [300, ms].map((ms) => `${name}.delay-${ms}`)) {
        await channel.deleteQueue(delayed);
        await channel.deleteExchange(delayed);
      }
      for (const queue of [name, `${name}.queue`]) {
        const topology = eventTopology(config(queue.replace(/\.queue$/, ""), queue));
        for (const { name } of topology) {
          await channel.deleteQueue(name);
          await channel.deleteExchange(name);
        }
        for (const exchange of exchangesOf(topology)) await channel.deleteExchange(exchange);
      }
      await connection.close();
    }
  });
}

const config = (exchange: string, queue: string) => ({
  ...{ EVENTS_EXCHANGE: exchange, EVENTS_QUEUE: queue, DEAD_LETTER_QUEUE: `${exchange}.dead` },
});

const waiting = (channel: Channel, queue: string, count: number) =>
  eventually(
    `${count} in ${queue}`,
    async () => (await channel.checkQueue(queue)).messageCount === count || undefined,
  );

test("a queue of 0.1.0 under its own name is used as it is, with its dead letters", async (broker) => {
  const { connection, channel, name } = broker;
  await declareFormer(channel, name, ms);
  const topology = eventTopology(config(name, name));
  await ensureTopology(connection, topology);
  await ensureTopology(connection, topology);
  channel.publish(name, "", Buffer.from("an event"));
  await waiting(channel, name, 1);
  channel.publish(`${name}.dead-letters`, "", Buffer.from("ours"));
  const event = await channel.get(name);
  if (event) channel.nack(event, false, false);
  await waiting(channel, `${name}.dead`, 2);
});

test("a queue of unknown origin is rejected with the broker's error for our own arguments", async (broker) => {
  const { connection, channel, name } = broker;
  await channel.assertQueue(name, { durable: true });
  await rejects(ensureTopology(connection, eventTopology(config(name, name))), (error) => {
    match((error as Error).message, /exists with other properties/);
    return error instanceof TopologyError;
  });
});

test("the queue with its own name receives the events; that of 0.1.0 keeps its messages and gets no more", async (broker) => {
  const { connection, channel, name } = broker;
  await declareFormer(channel, name, ms);
  channel.publish(name, "", Buffer.from("before"));
  await waiting(channel, name, 1);
  await ensureTopology(connection, eventTopology(config(name, `${name}.queue`)));
  channel.publish(name, "", Buffer.from("after"));
  await waiting(channel, `${name}.queue`, 1);
  await waiting(channel, name, 1);
});

test("messages in a delay queue of 0.1.0 return by themselves, and the queue goes once it is empty", async (broker) => {
  const { connection, channel, name } = broker;
  const soon = 300;
  await declareFormer(channel, name, soon);
  const former = formerTopology(config(name, name), [soon]);
  await ensureTopology(connection, eventTopology(config(name, name)));
  const delayed = `${name}.delay-${soon}`;
  channel.publish(delayed, "", Buffer.from("delayed"));
  await waiting(channel, name, 1);
  await waiting(channel, delayed, 0);
  deepStrictEqual(await removeFormer(connection, former), {
    said: [`Deleted the empty queue ${delayed} of an earlier version.`],
    done: true,
  });
  await waiting(channel, name, 1);
});

test("each queue of 0.1.0 goes once it is empty, delayed events first, and its dead letters stay", async (broker) => {
  const { connection, channel, name } = broker;
  await declareFormer(channel, name, ms);
  const former = formerTopology(config(name, `${name}.queue`), [ms]);
  const delayed = `${name}.delay-${ms}`;
  channel.publish(`${name}.dead`, "", Buffer.from("a letter"));
  channel.publish(delayed, "", Buffer.from("delayed"));
  channel.publish(name, "", Buffer.from("an event"));
  await waiting(channel, delayed, 1);
  await waiting(channel, name, 1);
  await waiting(channel, `${name}.dead`, 1);
  await ensureTopology(connection, eventTopology(config(name, `${name}.queue`)));

  deepStrictEqual(await removeFormer(connection, former), {
    said: [
      `The queue ${delayed} of an earlier version is in use: messages 1, consumers 0. Run the command again once it is unused and empty.`,
    ],
    done: false,
  });
  await channel.get(delayed, { noAck: true });
  const { consumerTag } = await channel.consume(name, () => {}, { noAck: true });
  const { said } = await removeFormer(connection, former);
  deepStrictEqual(said, [
    `Deleted the empty queue ${delayed} of an earlier version.`,
    `The queue ${name} of an earlier version is in use: messages 0, consumers 1. Run the command again once it is unused and empty.`,
  ]);
  await channel.cancel(consumerTag);
  deepStrictEqual(await formerQueues(connection, former), [
    `The queue ${name} of an earlier version still exists: messages 0, consumers 0.`,
  ]);
  strictEqual((await removeFormer(connection, former)).done, true);
  deepStrictEqual(await formerQueues(connection, former), []);
  deepStrictEqual(await removeFormer(connection, former), { said: [], done: true });
  for (const exchange of [`${name}.dead`, delayed]) {
    await rejects(onChannel(connection, (own) => own.checkExchange(exchange)), { code: 404 });
  }
  await waiting(channel, `${name}.dead`, 1);
  channel.publish(name, "", Buffer.from("after"));
  await waiting(channel, `${name}.queue`, 1);
});
