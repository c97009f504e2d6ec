/** Whatever a publisher sends arrives with the dead letter, and comes back by its replay: on RabbitMQ. */
import { deepStrictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { GetMessage, Options } from "amqplib";
import fc from "fast-check";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { replay } from "../../shared/rabbitmq/dead/dead_letter_queue.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { AmqpConsumer } from "../../shared/rabbitmq/consumer.ts";
import { DeadLetters } from "../../shared/rabbitmq/dead_letters.ts";
import { DelayQueues } from "../../shared/rabbitmq/delay_queues.ts";
import { exactPropertiesOf } from "../../shared/rabbitmq/origin/exact_headers.ts";
import { withoutBrokerHeaders } from "../../shared/rabbitmq/message.ts";
import { originHeaders } from "../../shared/rabbitmq/origin/origin.ts";
import { dead, type Outcome } from "../../shared/rabbitmq/outcome.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publisher.ts";
import { eventually, type TestQueues, withTestQueues } from "../servers/test_queues.ts";

const never = new AbortController().signal;
const shortText = fc.string({ unit: "grapheme", maxLength: 40 });
const typed = <T>(type: string, value: fc.Arbitrary<T>) => value.map((value) => ({ "!": type, value }));
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** Every type that RabbitMQ takes in a table, as amqplib is told it. */
const { value: anyHeader } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    typed("int8", fc.integer({ min: -128, max: 127 })),
    typed("uint8", fc.integer({ min: 0, max: 255 })),
    typed("int16", fc.integer({ min: -32_768, max: 32_767 })),
    typed("uint16", fc.integer({ min: 0, max: 65_535 })),
    typed("int32", fc.integer()),
    typed("uint32", fc.nat()),
    typed("int64", fc.oneof(fc.constant(2n ** 53n + 1n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
    typed("float", fc.float({ noNaN: true })),
    typed("double", fc.double({ noNaN: true })),
    typed("timestamp", uint64),
    typed(
      "decimal",
      fc.record({ places: fc.integer({ min: 0, max: 255 }), digits: fc.nat() }, { noNullPrototype: true }),
    ),
    shortText,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "größe", "value"), tie("value"), { maxKeys: 3 }),
    typed("object", fc.record({ "!": shortText })),
  ),
}));
const name = fc.oneof(
  fc.constantFrom("größe", "名前", "count", "traceparent", "__proto__"),
  fc.string({ maxLength: 9 }),
)
  .filter((name) => !name.startsWith("x-"));
const anyProperties = fc.record({
  headers: fc.dictionary(name, anyHeader, { maxKeys: 5 }),
  messageId: fc.uuid(),
  contentType: shortText,
  contentEncoding: shortText,
  priority: fc.integer({ min: 0, max: 255 }),
  correlationId: shortText,
  replyTo: shortText,
  expiration: fc.constantFrom("600000", "3600000"),
  timestamp: fc.oneof(fc.nat(), fc.constant(1_700_000_000_123), fc.constant(Number.MAX_SAFE_INTEGER)),
  type: shortText,
  appId: shortText,
}, { requiredKeys: ["headers", "messageId"], noNullPrototype: true });

/** What a reader of the message sees, whichever queue it is in. */
function seen({ properties }: GetMessage): Record<string, unknown> {
  const { deliveryMode: _, headers: __, ...others } = Object.fromEntries(Object.entries(properties));
  const headers = withoutBrokerHeaders(exactPropertiesOf(properties).headers);
  const theirs = Object.entries(headers).filter(([name]) => !/^(dead|original|retry)-/.test(name));
  return { ...others, headers: Object.fromEntries(theirs) };
}

async function getOne({ channel }: TestQueues, queue: string): Promise<GetMessage> {
  return await eventually(`a message in ${queue}`, async () => await channel.get(queue, { noAck: true }) || undefined);
}

interface Bench {
  readonly queues: TestQueues;
  /** Has the next message of the events queue settled in this way. */
  settleOne(outcome: Outcome): Promise<void>;
  replayAll(): Promise<void>;
}

async function withBench(use: (bench: Bench) => Promise<void>, retryDelays: readonly number[] = []): Promise<void> {
  await withTestQueues(async (made) => {
    const { broker, topology, events, dead: deadQueue } = made;
    const publisher = new ConfirmPublisher({ ...broker, topology, giveUpAfterMs: 2_000 });
    const consumer = new AmqpConsumer({
      ...{ ...broker, topology, queue: events, prefetch: 1 },
      deadLetters: new DeadLetters({ ...broker, exchange: deadQueue, subscriberId: "s", publisher }),
      delayQueues: new DelayQueues({ ...broker, queue: events, publisher }),
    });
    await eventually("the consumer", () => consumer.consuming || undefined);
    const connection = await openConnection(broker);
    const channel = await connection.createChannel();
    const options = { filter: {}, stop: never, exchange: events, publisher, clock, rate: undefined, force: false };
    try {
      await use({
        queues: { ...made, channel },
        async settleOne(outcome) {
          const [delivery] = await consumer.take(1, never);
          await consumer.settle([{ delivery: delivery!, outcome }], never);
        },
        async replayAll() {
          await consumer.stopTaking();
          await Array.fromAsync(replay(channel, deadQueue, options));
        },
      });
    } finally {
      await connection.close();
      await consumer.close();
      await publisher.close();
    }
  }, { retryDelays });
}

function publish({ queues: { channel, events } }: Bench, properties: Options.Publish, routingKey = "player-7"): void {
  channel.publish(events, routingKey, Buffer.from("a body"), { persistent: true, ...properties });
}

Deno.test("a dead letter has every property and header of its message, of any type, exact: 150 messages", async () => {
  await withBench(async (bench) => {
    const { events, dead: deadQueue } = bench.queues;
    // What the message itself looks like to a reader: a queue beside the one it is taken from.
    const { queue: beside } = await bench.queues.channel.assertQueue("", { exclusive: true });
    await bench.queues.channel.bindQueue(beside, events, "");
    await fc.assert(
      fc.asyncProperty(anyProperties, async (properties) => {
        publish(bench, properties as Options.Publish);
        await bench.settleOne(dead("invalid", "amount 0"));
        const [sent, letter] = [await getOne(bench.queues, beside), await getOne(bench.queues, deadQueue)];
        const { expiration: _, ...kept } = seen(sent);
        deepStrictEqual(seen(letter), { ...kept, expiration: undefined });
        const headers = letter.properties.headers ?? {};
        deepStrictEqual(
          Object.values(originHeaders).map((name) => headers[name]),
          [events, "player-7", undefined, sent.properties.expiration, undefined, undefined],
        );
      }),
      { numRuns: 150, endOnFailure: true },
    );
  });
});

Deno.test("a replay gives a message back its properties and headers, its routing key and its expiration", async () => {
  await withBench(async (bench) => {
    const { channel, events } = bench.queues;
    const properties = {
      ...{ messageId: crypto.randomUUID(), contentType: "application/json", contentEncoding: "gzip", priority: 3 },
      ...{
        correlationId: "c-1",
        replyTo: "answers",
        expiration: "600000",
        timestamp: 1_700_000_000_123,
        type: "Theirs",
      },
      ...{
        appId: "theirs",
        headers: { big: { "!": "int64", value: 2n ** 53n + 1n }, small: { "!": "int64", value: 7n } },
      },
    };
    const { queue: beside } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(beside, events, "");
    publish(bench, properties);
    await bench.settleOne(dead("invalid", "amount 0"));
    await eventually("the letter", async () => (await channel.checkQueue(bench.queues.dead)).messageCount || undefined);
    await bench.replayAll();
    const [sent, again] = [await getOne(bench.queues, beside), await getOne(bench.queues, beside)];
    deepStrictEqual([seen(again), again.fields.routingKey], [seen(sent), "player-7"]);
  });
});

Deno.test("a message that was delayed comes back with its properties and headers, and dies with them", async () => {
  await withBench(async (bench) => {
    const properties = {
      ...{ messageId: "order-17", contentType: "application/json", expiration: "600000", correlationId: "c-1" },
      headers: { big: { "!": "int64", value: 2n ** 53n + 1n } },
    };
    publish(bench, properties);
    await bench.settleOne({ kind: "delay", ms: 200, attempt: 1, reason: "rates-timeout" });
    await bench.settleOne(dead("rates-timeout", "none"));
    const letter = await getOne(bench.queues, bench.queues.dead);
    const { contentType, correlationId, expiration, headers } = seen(letter);
    deepStrictEqual([contentType, correlationId, expiration, headers], [
      ...["application/json", "c-1", undefined],
      { big: { "!": "int64", value: 2n ** 53n + 1n } },
    ]);
    const ours = letter.properties.headers ?? {};
    const { exchange, routingKey, messageId } = originHeaders;
    deepStrictEqual([exchange, routingKey, messageId].map((name) => ours[name]), [
      ...[bench.queues.events, "player-7", "order-17"],
    ]);
  }, [200]);
});

Deno.test("a timestamp that no number holds is in a header of its letter, exact", async () => {
  await withBench(async (bench) => {
    const { channel, events, dead: deadQueue } = bench.queues;
    publish(bench, { messageId: crypto.randomUUID(), timestamp: 2 ** 60, userId: "guest", headers: {} });
    await bench.settleOne(dead("invalid", ""));
    const letter = await getOne({ ...bench.queues, channel }, deadQueue);
    const { headers } = exactPropertiesOf(letter.properties);
    deepStrictEqual(
      [letter.properties.timestamp, headers[originHeaders.timestamp], headers[originHeaders.userId], events.length > 0],
      [undefined, { "!": "timestamp", value: 2n ** 60n }, "guest", true],
    );
  });
});
