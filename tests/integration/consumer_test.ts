/** The consumer on RabbitMQ: the conformance suite for queues, and tests that only a broker allows. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { testQueue } from "../conformance/queue.ts";
import { never, settle, takeExactly, type TestPublisher, texts } from "../conformance/queue/subject.ts";
import {
  consumerOn,
  eventually,
  getAll,
  getOne,
  inQueue,
  outgoing,
  publisherOn,
  recordedLeaving,
  sendBodies,
  type TestQueues,
  untilConnected,
  untilConsuming,
  untilNotConsuming,
  withTestQueues,
} from "../servers/test_queues.ts";
import { type BrokerOptions, openConnection } from "../../shared/rabbitmq/connection.ts";
import type { AmqpConsumer, ConsumerOptions } from "../../shared/rabbitmq/consume/consumer.ts";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { messageIdOfBody } from "../../shared/rabbitmq/message_id.ts";
import { ack, dead } from "../../shared/rabbitmq/outcome.ts";
import { deadLetterExchangeOf, eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock } from "../../shared/runtime/clock.ts";
import { RecordedLog } from "../fixtures/recorded_telemetry.ts";

testQueue({
  name: "AmqpConsumer",
  withQueue: (use) =>
    withTestQueues(async (queues) => {
      const { channel, events, dead } = queues;
      const publisher = await untilConnected(publisherOn(queues));
      const opened: { close(): Promise<void> }[] = [];
      try {
        await use({
          openPublisher() {
            const opening = openPublisher(queues);
            opened.push(opening);
            return Promise.resolve(opening);
          },
          subscribe({ prefetch = 100 } = {}) {
            const consumer = consumerOn(queues, { publisher, prefetch });
            opened.push(consumer);
            return untilConsuming(consumer);
          },
          ready: async () => (await channel.checkQueue(events)).messageCount,
          deadLetters: () => getAll(channel, dead),
        });
      } finally {
        await Promise.all(opened.map((each) => each.close().catch(() => {})));
        await publisher.close();
      }
    }),
});

function openPublisher(queues: TestQueues): TestPublisher {
  const publisher = publisherOn(queues);
  const refusals: unknown[] = [];
  return {
    async publish(messages) {
      await Promise.all(messages.map((message) => publisher.publish(outgoing(queues.events, message))));
    },
    send(messages) {
      for (const message of messages) {
        publisher.send(outgoing(queues.events, message), (error) => error && refusals.push(error));
      }
    },
    async close() {
      await publisher.close();
      deepStrictEqual(refusals, []);
    },
  };
}

type Use = (consumer: AmqpConsumer, queues: TestQueues, log: RecordedLog) => Promise<void>;

function test(what: string, use: Use, changes: Partial<ConsumerOptions> = {}): void {
  Deno.test(`AmqpConsumer${what}`, async () => {
    await withTestQueues(async (queues) => {
      const log = new RecordedLog();
      const publisher = publisherOn(queues, { giveUpAfterMs: 2_000 });
      const consumer = consumerOn(queues, { log, publisher, ...changes });
      try {
        await use(await untilConsuming(consumer), queues, log);
      } finally {
        await consumer.close();
        await publisher.close();
      }
    });
  });
}

test(
  " derives an id from the body for a message without a valid one, and tells what was sent",
  async (consumer, queues) => {
    const nil = "00000000-0000-0000-0000-000000000000";
    const id = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F";
    sendBodies(queues, ["a"]);
    sendBodies(queues, ["a", "a", "b"], { messageId: "order-17" });
    sendBodies(queues, ["a", "b"], { messageId: nil });
    sendBodies(queues, ["a"], { messageId: id });
    sendBodies(queues, ["a"], { messageId: `urn:uuid:${id}` });
    sendBodies(queues, ["a"], { messageId: id.toLowerCase() });
    const ids = (await takeExactly(consumer, 9)).map(({ messageId, sentId }) => [messageId, sentId]);
    const [a, b] = ["a", "b"].map((body) => messageIdOfBody(new TextEncoder().encode(body), 0));
    deepStrictEqual(ids, [
      [a, undefined],
      ...[[a, "order-17"], [a, "order-17"], [b, "order-17"]],
      ...[[a, nil], [b, nil]],
      ...[[id.toLowerCase(), id], [id.toLowerCase(), `urn:uuid:${id}`]],
      [id.toLowerCase(), undefined],
    ]);
  },
);

test(".settle() keeps foreign headers of 60 KB beside the reason", async (consumer, queues) => {
  const huge = "y".repeat(60_000);
  sendBodies(queues, ["x"], { headers: { huge } });
  await settle(consumer, await takeExactly(consumer, 1), dead("invalid", "z".repeat(5_000)));
  const { headers = {} } = (await getOne(queues.channel, queues.dead)).properties;
  deepStrictEqual([headers["huge"], headers[deadHeaders.reason]], [huge, "invalid"]);
});

test(
  ".settle() leaves to the broker a message whose headers have no room for the reason",
  async (consumer, queues, log) => {
    const huge = "y".repeat(64_500);
    sendBodies(queues, ["x"], { headers: { huge } });
    sendBodies(queues, ["y"]);
    await settle(consumer, await takeExactly(consumer, 2), dead("invalid", "z".repeat(5_000)));
    await inQueue(queues, queues.dead, 2);
    const letters = [await getOne(queues.channel, queues.dead), await getOne(queues.channel, queues.dead)];
    const headers = letters.map(({ properties }) => properties.headers ?? {});
    deepStrictEqual(headers.map((each) => each["huge"] ?? each[deadHeaders.reason]).sort(), ["invalid", huge]);
    match(JSON.stringify(headers.find((each) => each["huge"])), /"x-death":\[\{[^\]]*"reason":"rejected"/);
    deepStrictEqual([log.of("message.left_to_broker").length, log.of("message.not_accepted").length], [1, 0]);
  },
);

Deno.test("AmqpConsumer holds messages that it could only reject until it knows that the queue dead-letters", async () => {
  await withTestQueues(async (queues) => {
    const { channel, events, dead: deadQueue } = queues;
    const names = { EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: deadQueue };
    const publisher = await untilConnected(publisherOn(queues));
    const withTopology = async (TOPOLOGY: "check" | "provisioned", use: Use, prefetch = 10) => {
      const log = new RecordedLog();
      const topology = eventTopology({ ...names, TOPOLOGY });
      const consumer = await untilConsuming(consumerOn(queues, { log, publisher, topology, prefetch }));
      await use(consumer, queues, log).finally(() => consumer.close());
    };
    const invalid = dead("invalid", "z".repeat(5_000));
    try {
      sendBodies(queues, ["too large".repeat(200_000)]);
      sendBodies(queues, ["x"], { headers: { huge: "y".repeat(64_500) } });
      sendBodies(queues, ["other"]);
      await withTopology("check", async (consumer, _, log) => {
        await settle(consumer, await takeExactly(consumer, 2), invalid);
        await eventually("both held", () => log.of("message.held").length === 2);
        await inQueue(queues, deadQueue, 1);
        strictEqual(consumer.unsettled, 2);
        const { messages, takesMore, since, oldestPublishedAtMs } = consumer.heldMessages!;
        deepStrictEqual([messages, takesMore], [2, true]);
        ok(since <= systemClock.monotonic() && oldestPublishedAtMs <= systemClock.now());
      });
      await inQueue(queues, events, 2);
      await withTopology("check", async (consumer, _, log) => {
        await settle(consumer, await takeExactly(consumer, 1), invalid);
        await eventually("both held again", () => log.of("message.held").length === 2);
        deepStrictEqual([consumer.heldMessages?.messages, consumer.heldMessages?.takesMore], [2, false]);
      }, 2);
      await inQueue(queues, events, 2);
      await withTopology("provisioned", async (consumer) => {
        await settle(consumer, await takeExactly(consumer, 1), invalid);
        await inQueue(queues, deadQueue, 3);
      });
      strictEqual((await channel.checkQueue(events)).messageCount, 0);
    } finally {
      await publisher.close();
    }
  });
});

test(".settle() acks no delivery before its dead letter is accepted", async (consumer, queues, log) => {
  const { channel, dead: deadQueue, events } = queues;
  sendBodies(queues, ["bad"]);
  const [delivery] = await takeExactly(consumer, 1);
  await channel.unbindQueue(deadQueue, deadLetterExchangeOf(deadQueue), "");
  const leave = new AbortController();
  const settling = consumer.settle([{ delivery: delivery!, outcome: dead("invalid", "bad") }], leave.signal);
  await eventually("the complaint", () => log.of("message.not_accepted")[0]);
  leave.abort();
  await settling;
  await consumer.close();
  await inQueue(queues, events, 1);
  strictEqual((await channel.checkQueue(deadQueue)).messageCount, 0);
});

test(".settle() requeues a delivery when our code fails on its dead letter, and throws", async (consumer, queues) => {
  sendBodies(queues, ["good", "bad"]);
  const [good, bad] = await takeExactly(consumer, 2);
  const settlements = [{ delivery: good!, outcome: ack }, { delivery: bad!, outcome: dead("invalid", "no id") }];
  await rejects(consumer.settle(settlements, never), /a fault of ours/);
  const again = await takeExactly(consumer, 1);
  deepStrictEqual([texts(again), consumer.unsettled], [["bad"], 1]);
}, { deadLetters: { publish: () => Promise.reject(new Error("a fault of ours")) } });

test(" consumes again after its queue was deleted, and acks no earlier delivery", async (consumer, queues) => {
  const { channel, events } = queues;
  sendBodies(queues, ["old"]);
  const old = await takeExactly(consumer, 1);
  await channel.deleteQueue(events);
  await untilNotConsuming(consumer);
  await untilConsuming(consumer);
  sendBodies(queues, ["new"]);
  const fresh = await takeExactly(consumer, 1);
  await settle(consumer, old);
  deepStrictEqual(texts(fresh), ["new"]);
  await consumer.close();
  await inQueue(queues, events, 1);
});

Deno.test("AmqpConsumer.stopTaking() leaves all messages to the broker, also during basic.consume", async () => {
  await withTestQueues(async (queues) => {
    const connect: BrokerOptions["connect"] = async (options) => {
      const connection = await openConnection(options);
      const createChannel = connection.createChannel.bind(connection);
      connection.createChannel = async () => {
        const channel = await createChannel();
        const consume = channel.consume.bind(channel);
        channel.consume = async (...args) => {
          const reply = await consume(...args);
          await consumer.stopTaking();
          return reply;
        };
        return channel;
      };
      return connection;
    };
    const consumer: AmqpConsumer = consumerOn(queues, { connect });
    try {
      const { channel, events } = queues;
      await untilConsuming(consumer);
      await eventually("no consumer", async () => (await channel.checkQueue(events)).consumerCount === 0);
      sendBodies(queues, ["1"]);
      await inQueue(queues, events, 1);
    } finally {
      await consumer.close();
    }
  });
});

Deno.test("AmqpConsumer.close() waits for the reply to its cancel, so that acks in flight count", async () => {
  await withTestQueues(async (queues) => {
    const { said, connect } = recordedLeaving();
    const consumer = await untilConsuming(consumerOn(queues, { connect }));
    sendBodies(queues, ["one", "two"]);
    await settle(consumer, await takeExactly(consumer, 2));
    said.length = 0;
    await consumer.close();
    deepStrictEqual(said, ["cancel", "cancelled", "close"]);
    await inQueue(queues, queues.events, 0);
  });
});

Deno.test("AmqpConsumer.finished rejects with the cure when the queue has other arguments", async () => {
  await withTestQueues(async (queues) => {
    const { channel, events } = queues;
    await channel.assertQueue(events, { durable: true });
    const consumer = consumerOn(queues);
    const problem = `The queue ${events} .* exists with other properties .*inequivalent arg.*EVENTS_QUEUE`;
    await rejects(consumer.finished, new RegExp(problem, "s"));
    await consumer.close();
  });
});

Deno.test("AmqpConsumer.finished rejects at the first attempt when the broker refuses the credentials, without showing them", async () => {
  await withTestQueues(async (queues) => {
    const log = new RecordedLog();
    const consumer = consumerOn(queues, { log, url: queues.broker.url.replace("guest:guest", "guest:wrong-password") });
    await rejects(consumer.finished, (error: Error) => {
      match(error.message, /ACCESS[_-]REFUSED/);
      strictEqual(error.message.includes("wrong-password"), false);
      return true;
    });
    deepStrictEqual(log.entries, [], "it was not tried again");
    await consumer.close();
  });
});
