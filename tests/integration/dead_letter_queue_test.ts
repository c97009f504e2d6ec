import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deadHeaders } from "../../shared/rabbitmq/dead_letters.ts";
import { type OutgoingMessage, replaysHeader } from "../../shared/rabbitmq/message.ts";
import { ConfirmPublisher, PublishError } from "../../shared/rabbitmq/publisher.ts";
import { eventually, type TestQueues, withTestQueues } from "../servers/test_queues.ts";
import { ensureTopology } from "../../shared/rabbitmq/topology.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { gameStart } from "../fixtures/deliveries.ts";
import { deadLetterToJson } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { drop, list, replay, type ReplayOptions } from "../../shared/rabbitmq/dead/dead_letter_queue.ts";

const stop = new AbortController().signal;
const body = encodeEvent(gameStart());

/** Queues as the members declare them, `use` on a channel whose close gives back what was looked at. */
async function withDeadLetters(use: (queues: TestQueues) => Promise<void>): Promise<void> {
  await withTestQueues(async (queues) => {
    const connection = await openConnection(queues.broker);
    await ensureTopology(connection, queues.topology);
    await use({ ...queues, channel: await connection.createChannel() });
    await connection.close();
  });
}

async function bury({ channel, dead }: TestQueues, letters: Record<string, unknown>[]): Promise<void> {
  const { messageCount } = await channel.checkQueue(dead);
  for (const { messageId = crypto.randomUUID(), content = body, ...headers } of letters) {
    channel.publish(dead, "", Buffer.from(content as Uint8Array), {
      messageId: String(messageId),
      headers,
      persistent: true,
    });
  }
  await inQueue({ channel }, dead, messageCount + letters.length);
}

function inQueue({ channel }: Pick<TestQueues, "channel">, queue: string, count: number): Promise<true> {
  return eventually(
    `${count} messages in ${queue}`,
    async () => (await channel.checkQueue(queue)).messageCount === count || undefined,
  );
}

async function replayAll(queues: TestQueues, changes: Partial<ReplayOptions> = {}) {
  const publisher = new ConfirmPublisher({ ...queues.broker, topology: queues.topology, giveUpAfterMs: 2_000 });
  const options: ReplayOptions = {
    filter: {},
    stop,
    exchange: queues.events,
    publisher,
    clock,
    rate: undefined,
    force: false,
  };
  try {
    return await Array.fromAsync(replay(queues.channel, queues.dead, { ...options, ...changes }));
  } finally {
    await publisher.close();
  }
}

Deno.test("list() shows each letter with its reason and its event, and takes none", async () => {
  await withDeadLetters(async (queues) => {
    const messageId = crypto.randomUUID();
    await bury(queues, [
      { messageId, [deadHeaders.reason]: "rates-timeout", [deadHeaders.detail]: "no rates", [deadHeaders.attempts]: 2 },
      { content: new Uint8Array([0xff]), [deadHeaders.reason]: "undecodable" },
    ]);
    const letters = await Array.fromAsync(list(queues.channel, queues.dead, { filter: {}, stop }));
    deepStrictEqual(letters.map(({ reason, event }) => [reason, event?.type]), [
      ["rates-timeout", "game_start"],
      ["undecodable", undefined],
    ]);
    const json = deadLetterToJson(letters[0]!);
    deepStrictEqual([json.message_id, json.attempts, json.event?.id, json.body_base64], [
      messageId,
      2,
      3,
      body.toBase64(),
    ]);
    match(String(deadLetterToJson(letters[1]!).body_problem), /are not a casino.events.v1.Event/);
    await queues.channel.close();
    const connection = await openConnection(queues.broker);
    await inQueue({ channel: await connection.createChannel() }, queues.dead, 2);
    await connection.close();
  });
});

Deno.test("replay() keeps id, body and headers, counts itself, and empties the dead letter queue", async () => {
  await withDeadLetters(async (queues) => {
    const messageId = crypto.randomUUID();
    await bury(queues, [{
      messageId,
      [deadHeaders.reason]: "rates-timeout",
      [deadHeaders.attempts]: 1,
      "x-theirs": "kept",
    }]);
    deepStrictEqual((await replayAll(queues)).map(({ result }) => result), ["replayed"]);
    await inQueue(queues, queues.events, 1);
    await inQueue(queues, queues.dead, 0);
    const message = await queues.channel.get(queues.events, { noAck: true });
    if (!message) throw new Error("nothing was replayed");
    strictEqual(message.properties.messageId, messageId);
    strictEqual(Buffer.from(body).equals(message.content), true);
    const { headers = {} } = message.properties;
    deepStrictEqual([headers[deadHeaders.attempts], headers[replaysHeader], headers["x-theirs"]], [1, 1, "kept"]);
  });
});

Deno.test("replay() gives back headers that amqplib alone could not write again", async () => {
  await withDeadLetters(async (queues) => {
    // amqplib would write it as a whole number of 64 bits.
    await bury(queues, [{ foreign: { "!": "double", value: -1e300 } }]);
    deepStrictEqual((await replayAll(queues)).map(({ result }) => result), ["replayed"]);
    await inQueue(queues, queues.dead, 0);
    const message = await queues.channel.get(queues.events, { noAck: true });
    const { [replaysHeader]: replays, foreign } = message ? message.properties.headers ?? {} : {};
    deepStrictEqual([replays, foreign], [1, -1e300]);
  });
});

Deno.test("replay() leaves behind what came with a letter and cannot be written again", async () => {
  await withDeadLetters(async (queues) => {
    await bury(queues, [{ foreign: "as scripted" }]);
    const tried: OutgoingMessage[] = [];
    const publish = (message: OutgoingMessage) =>
      tried.push(message) === 1
        ? Promise.reject(new PublishError("unwritable", message.messageId, "as scripted"))
        : Promise.resolve();
    deepStrictEqual((await replayAll(queues, { publisher: { publish } })).map(({ result }) => result), ["replayed"]);
    deepStrictEqual(tried.map(({ headers }) => headers?.["foreign"]), ["as scripted", undefined]);
    deepStrictEqual(tried.map(({ properties }) => properties === undefined), [false, true]);
  });
});

Deno.test("replay() acts on the letters that its filter names, and on no others", async () => {
  await withDeadLetters(async (queues) => {
    const messageId = crypto.randomUUID();
    await bury(queues, [
      { [deadHeaders.reason]: "invalid" },
      { messageId, [deadHeaders.reason]: "rates-timeout" },
      { [deadHeaders.reason]: "rates-timeout" },
    ]);
    const filter = { reasons: ["rates-timeout"], ids: [messageId] };
    deepStrictEqual((await replayAll(queues, { filter })).map(({ letter }) => letter.messageId), [messageId]);
  });
});

Deno.test("replay() leaves a letter where it is when no queue takes it", async () => {
  await withDeadLetters(async (queues) => {
    await bury(queues, [{ [deadHeaders.reason]: "invalid" }]);
    await queues.channel.assertExchange(`${queues.events}.nowhere`, "fanout");
    const [replayed] = await replayAll(queues, { exchange: `${queues.events}.nowhere` });
    strictEqual(replayed?.result, "failed");
    await queues.channel.deleteExchange(`${queues.events}.nowhere`);
    await queues.channel.close();
    const connection = await openConnection(queues.broker);
    await inQueue({ channel: await connection.createChannel() }, queues.dead, 1);
    await connection.close();
  });
});

Deno.test("replay() does not replay again, in one run, what comes straight back", async () => {
  await withDeadLetters(async (queues) => {
    await bury(queues, [{ [deadHeaders.reason]: "invalid" }, { [deadHeaders.reason]: "invalid" }]);
    // Whatever is replayed is a dead letter again before the next is taken.
    const { channel, dead } = queues;
    const publisher = {
      async publish({ messageId, headers, body }: OutgoingMessage): Promise<void> {
        const { messageCount } = await channel.checkQueue(dead);
        channel.publish(dead, "", Buffer.from(body), { messageId, headers });
        await inQueue(queues, dead, messageCount + 1);
      },
    };
    strictEqual((await replayAll(queues, { publisher })).length, 2);
  });
});

Deno.test("replay() refuses a letter that was replayed ten times, unless it is forced", async () => {
  await withDeadLetters(async (queues) => {
    await bury(queues, [{ [deadHeaders.reason]: "invalid", [replaysHeader]: 10 }]);
    const [refused] = await replayAll(queues);
    strictEqual(refused?.result, "refused");
    await queues.channel.recover();
    await inQueue(queues, queues.dead, 1);
    deepStrictEqual((await replayAll(queues, { force: true })).map(({ result }) => result), ["replayed"]);
  });
});

Deno.test("drop() removes what its filter names", async () => {
  await withDeadLetters(async (queues) => {
    await bury(queues, [{ [deadHeaders.reason]: "invalid" }, { [deadHeaders.reason]: "undecodable" }]);
    const dropped = await Array.fromAsync(
      drop(queues.channel, queues.dead, { filter: { reasons: ["invalid"] }, stop }),
    );
    deepStrictEqual(dropped.map(({ reason }) => reason), ["invalid"]);
    await queues.channel.recover();
    await inQueue(queues, queues.dead, 1);
  });
});

Deno.test("list() tells of a letter that the broker made after too many deliveries", async () => {
  await withDeadLetters(async (queues) => {
    const { channel, events, dead } = queues;
    channel.publish(events, "", Buffer.from(body), { messageId: crypto.randomUUID() });
    await inQueue(queues, events, 1);
    for (let delivery = 1; delivery <= 21; delivery++) {
      const message = await eventually("a delivery", async () => await channel.get(events) || undefined);
      channel.nack(message, false, true);
    }
    await inQueue(queues, dead, 1);
    const [letter] = await Array.fromAsync(list(channel, dead, { filter: { reasons: ["delivery-limit"] }, stop }));
    deepStrictEqual([letter?.reason, letter?.event?.id, letter?.attempts], ["delivery-limit", 3n, 1]);
    match(letter?.lastFailedAt ?? "", /^\d{4}-/);
  });
});
