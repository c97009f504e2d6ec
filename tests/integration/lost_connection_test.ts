/** What becomes of messages when the connection to the broker is cut or the broker stops reading. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { untilAborted } from "../../shared/runtime/deadline.ts";
import { RecordedLog } from "../fixtures/recorded_log.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { AmqpConsumer } from "../../shared/rabbitmq/consumer.ts";
import { DeadLetters } from "../../shared/rabbitmq/dead_letters.ts";
import { DelayQueues } from "../../shared/rabbitmq/delay_queues.ts";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ack, dead } from "../../shared/rabbitmq/outcome.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publisher.ts";
import { eventually, withTestQueues } from "../servers/test_queues.ts";

const never = new AbortController().signal;

function messageTo(exchange: string): OutgoingMessage {
  return { exchange, messageId: crypto.randomUUID(), body: new Uint8Array(200), timestampMs: 0, appId: "test" };
}

/** A frame of AMQP 0-9-1 on channel 0 with a method of class 10, connection. */
function connectionFrame(method: number, args: Uint8Array): Uint8Array {
  const payload = [0, 10, 0, method, ...args];
  return Uint8Array.from([1, 0, 0, 0, 0, 0, payload.length, ...payload, 0xce]);
}

const reason = new TextEncoder().encode("low on memory");
const blocked = connectionFrame(60, Uint8Array.from([reason.length, ...reason]));
const unblocked = connectionFrame(61, new Uint8Array());

Deno.test("ConfirmPublisher confirms every message though its connection is cut again and again, under the same ids", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const publisher = new ConfirmPublisher({ ...broker, url: proxy.url, topology, maxInFlight: 50 });
    await publisher.publish(messageTo(events));
    const ids = new Set<string>();
    const failures: unknown[] = [];
    for (let i = 0; i < 2_000; i++) {
      await publisher.room();
      const message = messageTo(events);
      ids.add(message.messageId);
      publisher.send(message, (error) => error && failures.push(error));
      if (i % 500 === 250) proxy.cut();
    }
    await publisher.flush();
    await publisher.close();
    deepStrictEqual(failures, []);
    const found = new Set<string>();
    for (let message; (message = await channel.get(events, { noAck: true }));) {
      found.add(String(message.properties.messageId));
    }
    strictEqual([...ids].every((id) => found.has(id)), true, "none is lost");
  });
});

Deno.test("ConfirmPublisher waits and says so while the broker blocks it, and that time does not count", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const log = new RecordedLog();
    const heard: (string | undefined)[] = [];
    const publisher = new ConfirmPublisher({
      ...broker,
      url: proxy.url,
      log,
      topology,
      giveUpAfterMs: 1_500,
      onBlocked: (reason) => heard.push(reason),
    });
    await eventually("the publisher", () => publisher.connected || undefined);
    // A broker under a memory alarm tells its publishers, and reads no more from them.
    proxy.holdUp();
    proxy.say(blocked);
    await eventually("the publisher to be blocked", () => publisher.blocked || undefined);
    let settled: unknown = "not yet";
    const published = publisher.publish(messageTo(events)).then(
      () => settled = "confirmed",
      (error) => settled = error,
    );
    await broker.clock.sleep(2_000);
    strictEqual(settled, "not yet", "longer than it would wait otherwise");
    deepStrictEqual(log.at("warn"), ["The broker blocks publishing; waiting"]);
    proxy.letGo();
    proxy.say(unblocked);
    await published;
    strictEqual(settled, "confirmed");
    deepStrictEqual(heard, ["low on memory", undefined]);
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher sends nothing while the broker blocks it, and never what was no longer waited for by then", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const publisher = new ConfirmPublisher({ ...broker, url: proxy.url, topology });
    await eventually("the publisher", () => publisher.connected || undefined);
    // Says so, but would take what comes.
    proxy.say(blocked);
    await eventually("the publisher to be blocked", () => publisher.blocked || undefined);
    const enough = new AbortController();
    const messages = [1, 2, 3].map(() => messageTo(events));
    const [first, abandoned, last] = messages.map((message, n) =>
      publisher.publish(message, n === 1 ? enough.signal : undefined)
    );
    await broker.clock.sleep(200);
    strictEqual(publisher.inFlight, 3);
    strictEqual((await channel.checkQueue(events)).messageCount, 0);
    enough.abort(new Error("the delivery went back"));
    await rejects(abandoned!, /the delivery went back/);
    proxy.say(unblocked);
    await Promise.all([first, last]);
    await publisher.close();
    const arrived = [];
    for (let message; (message = await channel.get(events, { noAck: true }));) {
      arrived.push(message.properties.messageId);
    }
    deepStrictEqual(arrived, [messages[0]!.messageId, messages[2]!.messageId], "in the order in which they were sent");
  });
});

Deno.test("ConfirmPublisher.publish() ends with its signal while the broker blocks it, and then nothing keeps it from leaving", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const publisher = new ConfirmPublisher({ ...broker, url: proxy.url, topology });
    await publisher.publish(messageTo(events));
    proxy.holdUp();
    proxy.say(blocked);
    await eventually("the publisher to be blocked", () => publisher.blocked || undefined);
    const enough = new AbortController();
    const published = publisher.publish(messageTo(events), enough.signal);
    enough.abort(new Error("the grace period is over"));
    await rejects(published, /the grace period is over/);
    strictEqual(publisher.inFlight, 0);
    proxy.letGo();
    await publisher.close();
  });
});

Deno.test("AmqpConsumer takes nothing more once it was told so, also when it was told while it had no connection", async () => {
  await withTestQueues(async ({ events, dead, topology, broker, channel }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const publisher = { publish: () => Promise.resolve() };
    const consumer = new AmqpConsumer({
      ...{ ...broker, url: proxy.url, topology, queue: events, prefetch: 10 },
      deadLetters: new DeadLetters({ ...broker, exchange: dead, subscriberId: "s", publisher }),
      delayQueues: new DelayQueues({ ...broker, queue: events, publisher }),
    });
    await eventually("the consumer", () => consumer.consuming || undefined);
    proxy.poison({ kind: "refuse" });
    await eventually("the consumer to notice", () => !consumer.consuming || undefined);
    await consumer.stopTaking();
    proxy.poison();
    await eventually("the consumer to come back", () => consumer.consuming || undefined);
    channel.publish(events, "", Buffer.from("x"), { messageId: crypto.randomUUID() });
    await eventually("the message", async () => (await channel.checkQueue(events)).messageCount === 1 || undefined);
    deepStrictEqual([(await channel.checkQueue(events)).consumerCount, consumer.unsettled], [0, 0]);
    await consumer.close();
  });
});

Deno.test("AmqpConsumer waits for no dead letter whose original the broker gives out again", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const waiting = new Set<AbortSignal>();
    const publish = async (_: unknown, __: unknown, signal: AbortSignal): Promise<boolean> => {
      waiting.add(signal);
      await untilAborted(signal);
      waiting.delete(signal);
      return false;
    };
    const options = {
      topology,
      queue: events,
      prefetch: 100,
      deadLetters: { publish } as never,
      delayQueues: {} as never,
    };
    const consumer = new AmqpConsumer({ ...broker, url: proxy.url, ...options });
    try {
      await eventually("the consumer", () => consumer.consuming || undefined);
      channel.publish(events, "", Buffer.from("bad body"));
      const leaving = new AbortController();
      const settleIt = async () => {
        const [delivery] = await consumer.take(1, never);
        return [consumer.settle([{ delivery: delivery!, outcome: dead("invalid", "no amount") }], leaving.signal)];
      };
      const [first] = await settleIt();
      strictEqual(waiting.size, 1);
      proxy.cut();
      await eventually("no letter that waits", () => waiting.size === 0 || undefined);
      await first;
      const [second] = await settleIt();
      strictEqual(waiting.size, 1);
      leaving.abort();
      await second;
      strictEqual(waiting.size, 0);
    } finally {
      await consumer.close();
    }
  });
});

Deno.test("AmqpConsumer comes back after its connection was cut, and what was unsettled is delivered again", async () => {
  await withTestQueues(async ({ events, dead, topology, broker, channel }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const publisher = { publish: () => Promise.resolve() };
    const deadLetters = new DeadLetters({ ...broker, exchange: dead, subscriberId: "s", publisher });
    const consumer = new AmqpConsumer({
      ...broker,
      url: proxy.url,
      topology,
      queue: events,
      prefetch: 10,
      deadLetters,
      delayQueues: new DelayQueues({ ...broker, queue: events, publisher }),
    });
    await eventually("the consumer", () => consumer.consuming || undefined);
    const ids = Array.from({ length: 30 }, () => crypto.randomUUID());
    for (const messageId of ids) channel.publish(events, "", Buffer.from("x"), { messageId });

    const settled = new Set<string>();
    for (let round = 0; settled.size < ids.length && round < 100; round++) {
      const taken = await consumer.take(4, never);
      if (round % 3 === 1) {
        // A reset takes with it what is on its way: the acks of the round before are to arrive.
        await broker.clock.sleep(50);
        proxy.cut();
        await eventually("the consumer to notice", () => !consumer.consuming || undefined);
        // To a channel that is gone: nothing happens, least of all to tags of the next channel.
        await consumer.settle(taken.map((delivery) => ({ delivery, outcome: ack })), never);
        await eventually("the consumer to come back", () => consumer.consuming || undefined);
        continue;
      }
      await consumer.settle(taken.map((delivery) => ({ delivery, outcome: ack })), never);
      for (const { messageId } of taken) settled.add(messageId);
    }
    deepStrictEqual([...settled].sort(), ids.toSorted());
    await consumer.close();
    await eventually("an empty queue", async () => (await channel.checkQueue(events)).messageCount === 0 || undefined);
  });
});

Deno.test("AmqpConsumer and ConfirmPublisher come back wherever in their setting up the connection is lost", async () => {
  await withTestQueues(async ({ events, dead, topology, broker }) => {
    await using proxy = await TcpProxy.before(broker.url);
    const publisher = new ConfirmPublisher({ ...broker, url: proxy.url, topology });
    const consumer = new AmqpConsumer({
      ...{ ...broker, url: proxy.url, topology, queue: events, prefetch: 10 },
      deadLetters: new DeadLetters({ ...broker, exchange: dead, subscriberId: "s", publisher }),
      delayQueues: new DelayQueues({ ...broker, queue: events, publisher }),
    });
    const bothAreThere = () => eventually("both", () => (consumer.consuming && publisher.connected) || undefined);
    await bothAreThere();
    // The queues are declared by bytes 950 to 1,700, in frames of 26 bytes and more.
    for (let bytes = 950; bytes <= 1_750; bytes += 24) {
      proxy.poison({ kind: "cut-after", bytes });
      proxy.cut();
      await broker.clock.sleep(150);
      proxy.poison();
      await bothAreThere();
      // What was lost sooner would be dialled ever more slowly.
      await broker.clock.sleep(120);
    }
    await publisher.publish(messageTo(events));
    const [delivery] = await consumer.take(1, never);
    await consumer.settle([{ delivery: delivery!, outcome: ack }], never);
    await consumer.close();
    await publisher.close();
  });
});
