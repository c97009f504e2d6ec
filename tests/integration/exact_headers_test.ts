/** Dead letters on RabbitMQ and in the table keep every property and header of their messages; replays restore them. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { GetMessage, Options } from "amqplib";
import fc from "fast-check";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../shared/runtime/random.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { replay } from "../../shared/rabbitmq/dead/replay.ts";
import { withoutBrokerHeaders } from "../../shared/rabbitmq/message.ts";
import { exactPropertiesOf } from "../../shared/rabbitmq/origin/exact_headers.ts";
import { rememberProperties } from "../../shared/runtime/deno_workarounds/amqp_exact_properties.ts";
import { originHeaders } from "../../shared/rabbitmq/origin/origin.ts";
import { dead, type Outcome } from "../../shared/rabbitmq/outcome.ts";
import { deadLetterExchangeOf } from "../../shared/rabbitmq/topology.ts";
import { never, settle, takeExactly } from "../conformance/queue/subject.ts";
import { replaySource } from "../../subscriber/dead_letters/replay_source.ts";
import { actor, type TestLetters, withTestLetters } from "../servers/test_letters.ts";
import { consumerOn, getOne, publisherOn, type TestQueues, untilConsuming } from "../servers/test_queues.ts";

const shortText = fc.string({ unit: "grapheme", maxLength: 40 });
const typed = <T>(type: string, value: fc.Arbitrary<T>) => value.map((value) => ({ "!": type, value }));
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** RabbitMQ 3.10 closes a channel (541) over an infinite number or NaN, which Erlang does not have. */
const finite = { noNaN: true, noDefaultInfinity: true };

/** Every type that RabbitMQ accepts in a table, in amqplib's notation. */
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
    typed("float", fc.float(finite)),
    typed("double", fc.double(finite)),
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
const anyProperties: fc.Arbitrary<Options.Publish> = fc.record({
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

/** The message as a reader sees it, whatever queue it is in. */
function seen({ properties }: GetMessage): Record<string, unknown> {
  const { deliveryMode: _, headers: __, ...others } = Object.fromEntries(Object.entries(properties));
  const headers = withoutBrokerHeaders(exactPropertiesOf(properties).headers);
  const theirs = Object.entries(headers).filter(([name]) => !/^(dead|original|retry)-/.test(name));
  return { ...others, headers: Object.fromEntries(theirs) };
}

interface Members {
  readonly letters: TestLetters;
  readonly queues: TestQueues;
  /** Settles the next message of the events queue with this outcome. */
  settleOne(outcome: Outcome): Promise<void>;
  /** Replays the letters in the table. */
  replayAll(): Promise<void>;
}

async function withMembers(use: (members: Members) => Promise<void>): Promise<void> {
  await withTestLetters(async (letters) => {
    const { table, claims } = letters;
    const connection = await openConnection(letters.queues.broker);
    const queues = { ...letters.queues, channel: await connection.createChannel() };
    const publisher = publisherOn(queues, { giveUpAfterMs: 2_000 });
    const consumer = await untilConsuming(consumerOn(queues, { publisher, prefetch: 1 }));
    const options = { stop: never, exchange: queues.events, publisher, clock, rate: undefined, force: false };
    try {
      await use({
        ...{ letters, queues },
        settleOne: async (outcome) => await settle(consumer, await takeExactly(consumer, 1), outcome),
        async replayAll() {
          await consumer.stopTaking();
          await Array.fromAsync(
            replay(replaySource(table, claims, { filter: {}, stop: never, by: actor, random }), options),
          );
        },
      });
    } finally {
      await connection.close();
      await consumer.close();
      await publisher.close();
    }
  });
}

function publish({ channel, events }: TestQueues, properties: Options.Publish): void {
  channel.publish(events, "player-7", Buffer.from("a body"), { persistent: true, ...properties });
}

/** A second queue, from which the test reads the message itself. */
async function queueBeside({ channel, events }: TestQueues): Promise<string> {
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, events, "");
  return queue;
}

// amqplib would write `large` as a whole number and `late` beyond 64 bits, and takes `theirs` for its own notation.
const odd: Options.Publish = {
  messageId: crypto.randomUUID(),
  headers: {
    large: { "!": "double", value: -1e300 },
    late: { "!": "timestamp", value: 2n ** 64n - 1n },
    theirs: { "!": "object", value: { "!": "of theirs", value: 1 } },
  },
};

Deno.test("a dead letter has every property and header of its message, of any type, exactly: 150 messages", async () => {
  await withMembers(async ({ queues, settleOne }) => {
    const { channel, events, dead: deadQueue } = queues;
    const beside = await queueBeside(queues);
    await fc.assert(
      fc.asyncProperty(anyProperties, async (properties) => {
        publish(queues, properties);
        await settleOne(dead("invalid", "amount 0"));
        const [sent, letter] = [await getOne(channel, beside), await getOne(channel, deadQueue)];
        const { expiration: _, ...kept } = seen(sent);
        deepStrictEqual(seen(letter), { ...kept, expiration: undefined });
        const headers = letter.properties.headers ?? {};
        deepStrictEqual(
          Object.values(originHeaders).map((name) => headers[name]),
          [events, "player-7", undefined, sent.properties.expiration, undefined, undefined],
        );
      }),
      { numRuns: 150, endOnFailure: true, examples: [[odd]] },
    );
  });
});

Deno.test("a replay gives a message its original properties and headers, routing key and expiration", async () => {
  await withMembers(async ({ letters, queues, settleOne, replayAll }) => {
    const beside = await queueBeside(queues);
    publish(queues, {
      ...{ messageId: crypto.randomUUID(), contentType: "application/json", contentEncoding: "gzip", priority: 3 },
      ...{ correlationId: "c-1", replyTo: "answers", expiration: "600000", timestamp: 1_700_000_000_123 },
      ...{ type: "Theirs", appId: "theirs" },
      headers: { ...odd.headers, big: { "!": "int64", value: 2n ** 53n + 1n }, small: { "!": "int64", value: 7n } },
    });
    await settleOne(dead("invalid", "amount 0"));
    letters.startKeeper();
    await letters.untilKept(1);
    await replayAll();
    const [sent, again] = [await getOne(queues.channel, beside), await getOne(queues.channel, beside)];
    deepStrictEqual([seen(again), again.fields.routingKey], [seen(sent), "player-7"]);
  });
});

Deno.test("the table has every property and header of a letter, of any type, exactly, and returns it as the client does: 150 letters", async () => {
  await withMembers(async ({ letters, queues: { broker, channel, dead: deadQueue } }) => {
    const connection = await openConnection(broker);
    rememberProperties(connection, "all");
    const reader = await connection.createChannel();
    const { queue: beside } = await channel.assertQueue("", { autoDelete: true });
    await channel.bindQueue(beside, deadLetterExchangeOf(deadQueue), "");
    letters.startKeeper();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(anyProperties, async (properties) => {
        // As a foreign program may publish it.
        channel.publish(deadLetterExchangeOf(deadQueue), "player-7", Buffer.from(`letter ${count}`), properties);
        const sent = await getOne(reader, beside);
        await letters.untilKept(++count);
        const { letters: [kept] } = await letters.table.page({ filter: {}, limit: 1, order: "newest" });
        const { origin, body } = kept!;
        deepStrictEqual([origin?.routingKey, Buffer.from(body).toString()], ["player-7", `letter ${count - 1}`]);
        deepStrictEqual({ ...origin!.properties }, { ...sent.properties });
        deepStrictEqual(exactPropertiesOf(origin!.properties), exactPropertiesOf(sent.properties));
      }),
      {
        numRuns: 150,
        seed: 20,
        endOnFailure: true,
        examples: [[odd], [{ messageId: crypto.randomUUID(), headers: {} }]],
      },
    );
    strictEqual((await channel.checkQueue(deadQueue)).messageCount, 0);
    await connection.close();
  });
});

Deno.test("a timestamp that a number cannot hold is in a header of its letter, exactly", async () => {
  await withMembers(async ({ queues, settleOne }) => {
    publish(queues, { messageId: crypto.randomUUID(), timestamp: 2 ** 60, userId: "guest", headers: {} });
    await settleOne(dead("invalid", ""));
    const { properties } = await getOne(queues.channel, queues.dead);
    const { headers } = exactPropertiesOf(properties);
    deepStrictEqual(
      [properties.timestamp, headers[originHeaders.timestamp], headers[originHeaders.userId]],
      [undefined, { "!": "timestamp", value: 2n ** 60n }, "guest"],
    );
  });
});
