/** The suite for administrators of dead letters on RabbitMQ, and faults that only a remote broker can have. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Channel } from "amqplib";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { type OutgoingMessage, replaysHeader } from "../../shared/rabbitmq/message.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { AmqpDeadLetterAdmin } from "../../shared/rabbitmq/dead/amqp_admin.ts";
import { deadLetterToJson } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { list, replay, type ReplayOptions } from "../../shared/rabbitmq/dead/dead_letter_queue.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { PublishError } from "../../shared/rabbitmq/publish/publisher.ts";
import { deadLetterExchangeOf, deliveryLimit } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../shared/runtime/random.ts";
import { letterOf, testDeadLetterAdmin } from "../conformance/dead_letter_admin.ts";
import { never } from "../conformance/queue/subject.ts";
import { gameStart } from "../fixtures/deliveries.ts";
import {
  declare,
  eventually,
  getAll,
  getOne,
  inQueue,
  outgoing,
  publisherOn,
  type TestQueues,
  withProxiedQueues,
  withTestQueues,
} from "../servers/test_queues.ts";

const everything = { filter: {}, signal: never };
const one = { ...everything, limit: 1 };

testDeadLetterAdmin({
  name: "AmqpDeadLetterAdmin",
  withAdmin: (use, options) =>
    withTestQueues(async (queues) => {
      const { channel, events, dead } = queues;
      await declare(queues);
      const admin = adminOf(queues, options);
      await use({
        admin,
        bury: (letters) => bury(queues, letters),
        events: () => getAll(channel, events),
        waiting: async () => (await channel.checkQueue(dead)).messageCount,
      });
      await admin.close();
    }),
});

function adminOf(
  { events, dead, broker }: TestQueues,
  options: { readonly mostSeen?: number; readonly timeoutMs?: number } = {},
): AmqpDeadLetterAdmin {
  const config = { RABBITMQ_URL: broker.url, EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead };
  return new AmqpDeadLetterAdmin({ config, name: events, clock, random, ...options });
}

async function bury({ channel, dead }: TestQueues, letters: readonly Delivery[]): Promise<void> {
  for (const { messageId, body, headers, appId, timestampMs } of letters) {
    const timestamp = timestampMs! / 1_000;
    channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(body), {
      messageId,
      headers,
      appId: appId!,
      timestamp,
      persistent: true,
    });
  }
  await inQueue({ channel }, dead, letters.length);
}

Deno.test("AmqpDeadLetterAdmin.replay() counts letters that the broker does not accept as failed, with its words, and leaves them", async () => {
  await withTestQueues(async (queues) => {
    const { channel, events, dead } = queues;
    await declare(queues);
    await bury(queues, [letterOf("invalid"), letterOf("invalid")]);
    await channel.deleteQueue(events);
    await channel.assertQueue(events, { autoDelete: true });
    const admin = adminOf(queues);
    const { problem, ...counts } = await admin.replay(everything);
    deepStrictEqual(counts, { replayed: 0, refused: 0, failed: 2 });
    match(problem ?? "", /exists with other properties/);
    strictEqual((await channel.checkQueue(dead)).messageCount, 2);
    await admin.close();
  });
});

Deno.test("AmqpDeadLetterAdmin gives up on a broker that does not answer, and works again when it does", async () => {
  await withProxiedQueues(async (queues, proxy) => {
    await declare(queues);
    const admin = adminOf(queues, { timeoutMs: 500 });
    proxy.holdUp();
    const silent = await Promise.allSettled([admin.list(one), admin.drop(everything)]);
    for (const each of silent) strictEqual(each.status === "rejected" && each.reason.name, "DeadLetterTimeout");
    proxy.letGo();
    await eventually("an answer", () => admin.list(one).catch(() => undefined));
    await admin.close();
  });
});

Deno.test("AmqpDeadLetterAdmin says that there is no dead letter queue, and goes on when there is one", async () => {
  await withTestQueues(async (queues) => {
    const admin = adminOf(queues);
    await rejects(admin.list(one), new RegExp(`There is no queue ${queues.dead} at `));
    await declare(queues);
    deepStrictEqual(await admin.list(one), { letters: [], total: 0 });
    await admin.close();
  });
});

/** For the command's own functions, on a channel whose close returns the letters to their queue. */
function test(what: string, use: (channel: Channel, queues: TestQueues) => Promise<void>): void {
  Deno.test(what, async () => {
    await withTestQueues(async (queues) => {
      await declare(queues);
      const connection = await openConnection(queues.broker);
      await use(await connection.createChannel(), queues);
      await connection.close();
    });
  });
}

async function replayAll(channel: Channel, queues: TestQueues, changes: Partial<ReplayOptions> = {}) {
  const publisher = publisherOn(queues, { giveUpAfterMs: 2_000 });
  const options = { filter: {}, stop: never, exchange: queues.events, publisher, clock, rate: undefined, force: false };
  try {
    return await Array.fromAsync(replay(channel, queues.dead, { ...options, ...changes }));
  } finally {
    await publisher.close();
  }
}

test("replay() leaves behind what came with a letter and cannot be written again", async (channel, queues) => {
  await bury(queues, [letterOf("invalid", { foreign: "as scripted" })]);
  const tried: OutgoingMessage[] = [];
  const publish = (message: OutgoingMessage) =>
    tried.push(message) === 1
      ? Promise.reject(new PublishError("unwritable", message.messageId, "as scripted"))
      : Promise.resolve();
  const replayed = await replayAll(channel, queues, { publisher: { publish } });
  deepStrictEqual(replayed.map(({ result }) => result), ["replayed"]);
  deepStrictEqual(tried.map(({ headers }) => headers?.["foreign"]), ["as scripted", undefined]);
  deepStrictEqual(tried.map(({ properties }) => properties === undefined), [false, true]);
});

test("replay() leaves a letter where it is when no queue takes it", async (channel, queues) => {
  await bury(queues, [letterOf("invalid")]);
  const nowhere = `${queues.events}.nowhere`;
  await channel.assertExchange(nowhere, "fanout");
  const [replayed] = await replayAll(channel, queues, { exchange: nowhere });
  strictEqual(replayed?.result, "failed");
  await channel.deleteExchange(nowhere);
  await channel.close();
  await inQueue(queues, queues.dead, 1);
});

test("replay() does not replay a letter again, in one run, that comes straight back", async (channel, queues) => {
  await bury(queues, [letterOf("invalid"), letterOf("invalid")]);
  // Each replayed letter is a dead letter again before the next is taken.
  const { dead } = queues;
  const publisher = {
    async publish({ messageId, headers, body }: OutgoingMessage): Promise<void> {
      const { messageCount } = await channel.checkQueue(dead);
      channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(body), { messageId, headers });
      await inQueue({ channel }, dead, messageCount + 1);
    },
  };
  strictEqual((await replayAll(channel, queues, { publisher })).length, 2);
});

test("replay() replays a letter that was replayed ten times when it is forced", async (channel, queues) => {
  await bury(queues, [letterOf("invalid", { [replaysHeader]: 10 })]);
  deepStrictEqual((await replayAll(channel, queues, { force: true })).map(({ result }) => result), ["replayed"]);
  const { headers = {} } = (await getOne(channel, queues.events)).properties;
  strictEqual(headers[replaysHeader], 11);
});

test("list() tells of a letter that the broker made after too many deliveries", async (channel, queues) => {
  const { events, dead } = queues;
  const { messageId, body } = outgoing(events, { body: encodeEvent(gameStart()) });
  channel.publish(events, "", Buffer.from(body), { messageId });
  for (let delivery = 0; delivery <= deliveryLimit; delivery++) {
    const message = await eventually("a delivery", async () => await channel.get(events));
    channel.nack(message, false, true);
  }
  await inQueue(queues, dead, 1);
  const filter = { reasons: ["delivery-limit"] };
  const [letter] = await Array.fromAsync(list(channel, dead, { filter, stop: never }));
  const { message_id, event, attempts, last_failed_at, body_base64 } = deadLetterToJson(letter!);
  deepStrictEqual([message_id, event?.id, attempts, body_base64], [messageId, 3, 1, body.toBase64()]);
  match(last_failed_at ?? "", /^\d{4}-/);
});
