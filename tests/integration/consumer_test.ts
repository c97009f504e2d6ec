import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RecordedLog } from "../fixtures/recorded_log.ts";
import { type BrokerOptions, openConnection } from "../../shared/rabbitmq/connection.ts";
import { AmqpConsumer, type ConsumerOptions } from "../../shared/rabbitmq/consumer.ts";
import { deadHeaders, DeadLetters } from "../../shared/rabbitmq/dead_letters.ts";
import { DelayQueues } from "../../shared/rabbitmq/delay_queues.ts";
import { messageIdOfBody } from "../../shared/rabbitmq/message_id.ts";
import { ack, dead, requeue } from "../../shared/rabbitmq/outcome.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publisher.ts";
import { eventually, type TestQueues, withTestQueues } from "../servers/test_queues.ts";

const never = new AbortController().signal;

async function withConsumer(
  use: (consumer: AmqpConsumer, queues: TestQueues, log: RecordedLog) => Promise<void>,
  changes: Partial<ConsumerOptions> = {},
): Promise<void> {
  await withTestQueues(async (queues) => {
    const { broker, topology, events } = queues;
    const log = new RecordedLog();
    const publisher = new ConfirmPublisher({ ...broker, topology, giveUpAfterMs: 2_000 });
    const deadLetters = new DeadLetters({
      ...broker,
      log,
      exchange: queues.dead,
      subscriberId: "subscriber-1",
      publisher,
    });
    const consumer = new AmqpConsumer({
      ...broker,
      log,
      topology,
      queue: events,
      prefetch: 100,
      deadLetters,
      delayQueues: new DelayQueues({ ...broker, log, queue: events, publisher }),
      ...changes,
    });
    try {
      await eventually("the consumer", () => consumer.consuming || undefined);
      await use(consumer, queues, log);
    } finally {
      await consumer.close();
      await publisher.close();
    }
  });
}

function publish({ channel, events }: TestQueues, bodies: string[], properties = {}): void {
  for (const body of bodies) channel.publish(events, "", Buffer.from(body), properties);
}

async function takeAll(consumer: AmqpConsumer, count: number) {
  const taken = [];
  while (taken.length < count) taken.push(...await consumer.take(count - taken.length, never));
  return taken;
}

function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

function inQueue({ channel }: TestQueues, queue: string, count: number): Promise<true> {
  return eventually(
    `${count} messages in ${queue}`,
    async () => (await channel.checkQueue(queue)).messageCount === count || undefined,
  );
}

Deno.test("AmqpConsumer.take() gives what is at hand, in order, without waiting for more", async () => {
  await withConsumer(async (consumer, queues) => {
    publish(queues, ["1", "2", "3"]);
    const taken = await takeAll(consumer, 3);
    deepStrictEqual(taken.map(({ body }) => text(body)), ["1", "2", "3"]);
  });
});

Deno.test("AmqpConsumer.take() gives an empty array once its signal is aborted", async () => {
  await withConsumer(async (consumer) => {
    const abort = new AbortController();
    const taking = consumer.take(10, abort.signal);
    abort.abort();
    deepStrictEqual(await taking, []);
    deepStrictEqual(await consumer.take(10, abort.signal), []);
  });
});

Deno.test("AmqpConsumer gives a message without a valid id one that its body decides, and tells what was sent", async () => {
  await withConsumer(async (consumer, queues) => {
    const nil = "00000000-0000-0000-0000-000000000000";
    const id = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F";
    publish(queues, ["a"]);
    publish(queues, ["a", "a", "b"], { messageId: "order-17" });
    publish(queues, ["a", "b"], { messageId: nil });
    publish(queues, ["a"], { messageId: id });
    publish(queues, ["a"], { messageId: `urn:uuid:${id}` });
    publish(queues, ["a"], { messageId: id.toLowerCase() });
    const ids = (await takeAll(consumer, 9)).map(({ messageId, sentId }) => [messageId, sentId]);
    const [a, b] = ["a", "b"].map((body) => messageIdOfBody(new TextEncoder().encode(body), 0));
    deepStrictEqual(ids, [
      [a, undefined],
      ...[[a, "order-17"], [a, "order-17"], [b, "order-17"]],
      ...[[a, nil], [b, nil]],
      ...[[id.toLowerCase(), id], [id.toLowerCase(), `urn:uuid:${id}`]],
      [id.toLowerCase(), undefined],
    ]);
  });
});

Deno.test("AmqpConsumer.stopTaking() leaves everything to the broker, also when the broker is just letting it consume", async () => {
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
    const unused = {} as never;
    const options = { topology: queues.topology, queue: queues.events, deadLetters: unused, delayQueues: unused };
    const consumer: AmqpConsumer = new AmqpConsumer({ ...queues.broker, ...options, prefetch: 100, connect });
    try {
      const { channel, events } = queues;
      await eventually("the consumer", () => consumer.consuming || undefined);
      await eventually("no consumer", async () => (await channel.checkQueue(events)).consumerCount === 0 || undefined);
      publish(queues, ["1"]);
      await inQueue(queues, events, 1);
    } finally {
      await consumer.close();
    }
  });
});

Deno.test("AmqpConsumer.settle() acks out of order, and what is settled does not come back", async () => {
  await withConsumer(async (consumer, queues) => {
    publish(queues, ["1", "2", "3", "4", "5"]);
    const [one, two, ...rest] = await takeAll(consumer, 5);
    await consumer.settle(rest.map((delivery) => ({ delivery, outcome: ack })), never);
    await consumer.settle([{ delivery: two!, outcome: ack }], never);
    await consumer.close();
    await inQueue(queues, queues.events, 1);
    const left = await queues.channel.get(queues.events, { noAck: true });
    strictEqual(left && left.content.toString(), text(one!.body));
  });
});

Deno.test("AmqpConsumer.settle() writes a dead letter with the headers that amqplib alone could not write again", async () => {
  await withConsumer(async (consumer, queues) => {
    // amqplib writes the first as a whole number, the second beyond 64 bits, and takes the third for its own notation.
    const odd = [
      { "!": "double", value: -1e300 },
      { "!": "timestamp", value: 2n ** 64n - 1n },
      { "!": "object", value: { "!": "of theirs", value: 1 } },
    ];
    for (const header of odd) {
      publish(queues, ["bad body"], { messageId: crypto.randomUUID(), headers: { header } });
    }
    const deliveries = await takeAll(consumer, odd.length);
    const settlements = deliveries.map((delivery) => ({ delivery, outcome: dead("invalid", "no amount") }));
    await consumer.settle(settlements, AbortSignal.timeout(5_000));
    await inQueue(queues, queues.dead, deliveries.length);
    for (const sent of odd) {
      const letter = await queues.channel.get(queues.dead, { noAck: true });
      const read = letter && letter.properties.headers?.header;
      deepStrictEqual(
        read,
        sent["!"] === "double" ? sent.value : sent["!"] === "object" ? sent.value : { ...sent, value: 2 ** 64 },
      );
    }
    await consumer.close();
    await inQueue(queues, queues.events, 0);
  });
});

Deno.test("AmqpConsumer.settle() writes a dead letter with its reason and body before it acks the original", async () => {
  await withConsumer(async (consumer, queues) => {
    publish(queues, ["bad body"], {
      messageId: crypto.randomUUID(),
      appId: "elsewhere",
      headers: { "x-of-theirs": 1 },
    });
    const [delivery] = await takeAll(consumer, 1);
    await consumer.settle([{ delivery: delivery!, outcome: dead("invalid", `amount ${"ü".repeat(3_000)}`) }], never);
    await inQueue(queues, queues.dead, 1);
    const letter = await queues.channel.get(queues.dead, { noAck: true });
    if (!letter) throw new Error("no dead letter");
    strictEqual(letter.content.toString(), "bad body");
    strictEqual(letter.properties.messageId, delivery!.messageId);
    strictEqual(letter.properties.appId, "elsewhere");
    const { headers: kept = {} } = letter.properties;
    deepStrictEqual(
      [
        kept[deadHeaders.reason],
        kept[deadHeaders.subscriber],
        kept[deadHeaders.attempts],
        kept["x-of-theirs"],
      ],
      ["invalid", "subscriber-1", 1, 1],
    );
    const detail = String(kept[deadHeaders.detail]);
    match(detail, /^amount ü+…$/);
    strictEqual(Buffer.byteLength(detail) <= 2_048, true);
    await consumer.close();
    await inQueue(queues, queues.events, 0);
  });
});

Deno.test("AmqpConsumer.settle() counts attempts and keeps the first failure's time over a replay", async () => {
  await withConsumer(async (consumer, queues) => {
    const first = "2024-01-01T00:00:00.000Z";
    publish(queues, ["again"], { headers: { [deadHeaders.attempts]: 2, [deadHeaders.firstFailedAt]: first } });
    const [delivery] = await takeAll(consumer, 1);
    await consumer.settle([{ delivery: delivery!, outcome: dead("rates-timeout", "none") }], never);
    const letter = await eventually(
      "the letter",
      async () => await queues.channel.get(queues.dead, { noAck: true }) || undefined,
    );
    strictEqual(letter.properties.headers?.[deadHeaders.attempts], 3);
    strictEqual(letter.properties.headers?.[deadHeaders.firstFailedAt], first);
  });
});

Deno.test("AmqpConsumer.settle() drops foreign headers that leave no room for the reason", async () => {
  await withConsumer(async (consumer, queues) => {
    publish(queues, ["x"], { headers: { huge: "y".repeat(60_000) } });
    const [delivery] = await takeAll(consumer, 1);
    await consumer.settle([{ delivery: delivery!, outcome: dead("invalid", "z".repeat(5_000)) }], never);
    const letter = await eventually(
      "the letter",
      async () => await queues.channel.get(queues.dead, { noAck: true }) || undefined,
    );
    strictEqual(letter.properties.headers?.["huge"], undefined);
    strictEqual(letter.properties.headers?.[deadHeaders.reason], "invalid");
  });
});

Deno.test("AmqpConsumer.settle() keeps a delivery unacknowledged while its dead letter is not accepted", async () => {
  await withConsumer(async (consumer, queues, log) => {
    const { channel, dead: deadQueue, events } = queues;
    publish(queues, ["bad"]);
    const [delivery] = await takeAll(consumer, 1);
    await channel.unbindQueue(deadQueue, deadQueue, "");
    const leave = new AbortController();
    const settling = consumer.settle([{ delivery: delivery!, outcome: dead("invalid", "bad") }], leave.signal);
    await eventually("the complaint", () => log.at("error").find((text) => /did not accept/.test(text)));
    leave.abort();
    await settling;
    await consumer.close();
    await inQueue(queues, events, 1);
    strictEqual((await channel.checkQueue(deadQueue)).messageCount, 0);
  });
});

Deno.test("AmqpConsumer.settle() requeues a delivery on whose dead letter our own code fails, and throws that", async () => {
  const failing = { publish: () => Promise.reject(new Error("a fault of ours")) };
  await withConsumer(async (consumer, queues) => {
    publish(queues, ["good", "bad"]);
    const [good, bad] = await takeAll(consumer, 2);
    const settlements = [{ delivery: good!, outcome: ack }, { delivery: bad!, outcome: dead("invalid", "no id") }];
    await rejects(consumer.settle(settlements, never), /a fault of ours/);
    const [again] = await takeAll(consumer, 1);
    deepStrictEqual([text(again!.body), consumer.unsettled], ["bad", 1]);
  }, { deadLetters: failing });
});

Deno.test("AmqpConsumer.settle() puts a requeue back into the queue, and acks its neighbours", async () => {
  await withConsumer(async (consumer, queues) => {
    publish(queues, ["1", "2", "3"]);
    const taken = await takeAll(consumer, 3);
    await consumer.settle(taken.map((delivery, i) => ({ delivery, outcome: i === 1 ? requeue : ack })), never);
    const [again] = await takeAll(consumer, 1);
    strictEqual(text(again!.body), "2");
    await consumer.settle([{ delivery: again!, outcome: ack }], never);
    await consumer.close();
    await inQueue(queues, queues.events, 0);
  });
});

Deno.test("AmqpConsumer consumes again after its queue was deleted, and acks nothing of before on the new channel", async () => {
  await withConsumer(async (consumer, queues) => {
    const { channel, events } = queues;
    publish(queues, ["old"]);
    const [old] = await takeAll(consumer, 1);
    await channel.deleteQueue(events);
    await eventually("the consumer to notice", () => !consumer.consuming || undefined);
    await eventually("the consumer to come back", () => consumer.consuming || undefined);
    publish(queues, ["new"]);
    const [fresh] = await takeAll(consumer, 1);
    await consumer.settle([{ delivery: old!, outcome: ack }], never);
    strictEqual(text(fresh!.body), "new");
    await consumer.close();
    await inQueue(queues, events, 1);
  });
});

Deno.test("AmqpConsumer.finished rejects, with the way out, when the queue exists with other arguments", async () => {
  await withTestQueues(async ({ broker, topology, events, dead: deadQueue, channel }) => {
    await channel.assertQueue(events, { durable: true });
    const publisher = { publish: () => Promise.resolve() };
    const deadLetters = new DeadLetters({ ...broker, exchange: deadQueue, subscriberId: "s", publisher });
    const delayQueues = new DelayQueues({ ...broker, queue: events, publisher });
    const consumer = new AmqpConsumer({ ...broker, topology, queue: events, prefetch: 10, deadLetters, delayQueues });
    await rejects(consumer.finished, (error: Error) => {
      match(
        error.message,
        new RegExp(`The queue ${events} .* exists with other properties .*inequivalent arg.*EVENTS_QUEUE`, "s"),
      );
      return true;
    });
    await consumer.close();
  });
});
