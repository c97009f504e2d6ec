/** Events divided among several queues, on RabbitMQ. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { settle, takeExactly } from "../../conformance/queue/subject.ts";
import {
  consumerOn,
  declare,
  eventually,
  inQueue,
  publisherOn,
  recordedLeaving,
  type TestQueues,
  untilConnected,
  untilConsuming,
  withTestQueues,
} from "../../servers/test_queues.ts";
import { ack, dead, requeue } from "../../../shared/rabbitmq/outcome.ts";
import { ensureTopology, eventTopology } from "../../../shared/rabbitmq/topology.ts";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { otherShards } from "../../../tools/provision/other_shards.ts";

function withShards(shards: number, use: (queues: TestQueues) => Promise<void>): Promise<void> {
  return withTestQueues(async (queues) => {
    await declare(queues);
    await use(queues);
  }, shards);
}

/** Publishes a message for each key. */
function publish({ channel, events }: TestQueues, ...keys: readonly string[]): void {
  for (const key of keys) {
    channel.publish(`${events}.shards`, key, Buffer.from(`for ${key}`), { messageId: crypto.randomUUID() });
  }
}

Deno.test("each shard has its queue; events of another shard or of none are in the first", async () => {
  await withShards(3, async (queues) => {
    const { channel, events } = queues;
    publish(queues, "0", "1", "2", "2");
    publish(queues, "3", "11");
    channel.publish(events, "11", Buffer.from("of a publisher of one queue"));
    for (const [shard, count] of [4, 1, 2].entries()) await inQueue(queues, queues.queues[shard]!, count);
  });
});

Deno.test("members with one queue and with several share a broker, and neither changes the other's declarations", async () => {
  await withShards(1, async (queues) => {
    const { channel, events, dead, broker } = queues;
    const names = { EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead };
    const connection = await openConnection(broker);
    try {
      for (const EVENTS_SHARDS of [3, 1, 2, 3]) {
        await ensureTopology(connection, eventTopology({ ...names, EVENTS_SHARDS }));
      }
      channel.publish(events, "", Buffer.from("1"));
      publish(queues, "0", "2");
      await inQueue(queues, events, 2);
      await inQueue(queues, `${events}.2`, 1);
      strictEqual((await channel.checkQueue(`${events}.1`)).messageCount, 0);
    } finally {
      await connection.close();
      for (const name of [`${events}.1`, `${events}.2`]) await channel.deleteQueue(name);
      await channel.deleteExchange(`${events}.shards`);
    }
  });
});

Deno.test("AmqpConsumer consumes all its queues, with an equal part of its prefetch for each", async () => {
  await withShards(3, async (queues) => {
    publish(queues, ..."000000".split(""), ..."111111".split(""), ..."2".split(""));
    for (const [shard, count] of [6, 6, 1].entries()) await inQueue(queues, queues.queues[shard]!, count);
    const consumer = await untilConsuming(consumerOn(queues, { prefetch: 8 }));
    try {
      const taken = await takeExactly(consumer, 5);
      const keys = () => taken.map(({ origin }) => origin?.routingKey).sort().join("");
      strictEqual(keys(), "00112");
      strictEqual(consumer.unsettled, 5, "two of each of the queues that have more");
      await settle(consumer, taken.splice(0), ack);
      taken.push(...await takeExactly(consumer, 4));
      strictEqual(keys(), "0011");
    } finally {
      await consumer.close();
    }
    for (const [shard, count] of [4, 4, 0].entries()) await inQueue(queues, queues.queues[shard]!, count);
  });
});

Deno.test("AmqpConsumer settles deliveries of all its queues, in any order and with any outcome", async () => {
  await withShards(2, async (queues) => {
    const publisher = await untilConnected(publisherOn(queues));
    const { said, connect } = recordedLeaving();
    const consumer = await untilConsuming(consumerOn(queues, { publisher, connect }));
    try {
      publish(queues, ..."01010101".split(""));
      const taken = (await takeExactly(consumer, 8)).toReversed();
      const [acked, buried, again] = [taken.slice(0, 5), taken.slice(5, 7), taken.slice(7)];
      await settle(consumer, acked, ack);
      await settle(consumer, buried, dead("invalid", "as scripted"));
      await settle(consumer, again, requeue);
      await inQueue(queues, queues.dead, 2);
      const [redelivered] = await takeExactly(consumer, 1);
      strictEqual(redelivered!.messageId, again[0]!.messageId);
      await settle(consumer, [redelivered!], ack);
      await eventually("all are settled", () => consumer.unsettled === 0);
    } finally {
      await consumer.close();
      await publisher.close();
    }
    deepStrictEqual(said.slice(-5), ["cancel", "cancel", "cancelled", "cancelled", "close"]);
    for (const queue of queues.queues) strictEqual((await queues.channel.checkQueue(queue)).messageCount, 0);
  });
});

Deno.test("AmqpConsumer consumes only its own queues, and stops all of them", async () => {
  await withShards(3, async (queues) => {
    publish(queues, "0", "1", "2");
    const consumer = await untilConsuming(consumerOn(queues, { queues: [queues.queues[0]!, queues.queues[2]!] }));
    try {
      const taken = await takeExactly(consumer, 2);
      deepStrictEqual(taken.map(({ origin }) => origin?.routingKey).sort(), ["0", "2"]);
      await settle(consumer, taken);
      await consumer.stopTaking();
      publish(queues, "0", "2");
      for (const queue of queues.queues) await inQueue(queues, queue, 1);
    } finally {
      await consumer.close();
    }
  });
});

Deno.test("otherShards() lists the queues beyond EVENTS_SHARDS, and removes empty ones", async () => {
  await withShards(3, async (queues) => {
    const { events, dead, broker } = queues;
    const config = { EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead, EVENTS_SHARDS: 1 };
    const connection = await openConnection(broker);
    const found = async (remove: boolean, shards = 1) => {
      const { said, done } = await otherShards(connection, { ...config, EVENTS_SHARDS: shards }, remove);
      return [...said.map((sentence) => sentence.replaceAll(events, "q")), done];
    };
    try {
      publish(queues, "2");
      await inQueue(queues, `${events}.2`, 1);
      deepStrictEqual(await found(false, 3), [true]);
      deepStrictEqual(await found(false), [
        "The queue q.1 is beyond EVENTS_SHARDS=1, messages 0, consumers 0.",
        "The queue q.2 is beyond EVENTS_SHARDS=1, messages 1, consumers 0.",
        true,
      ]);
      deepStrictEqual(await found(true), [
        "Deleted the empty queue q.1.",
        "The queue q.2 is beyond EVENTS_SHARDS=1, messages 1, consumers 0: run the command again once a subscriber of more shards has emptied it.",
        false,
      ]);
      publish(queues, "1", "2");
      await inQueue(queues, events, 2);
      await queues.channel.purgeQueue(`${events}.2`);
      deepStrictEqual(await found(true), ["Deleted the empty queue q.2.", true]);
      deepStrictEqual(await found(true), [true]);
    } finally {
      await connection.close();
    }
  });
});
