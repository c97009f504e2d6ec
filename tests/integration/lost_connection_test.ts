/** Messages while the connection to the broker is cut or the broker stops reading. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { untilAborted } from "../../shared/runtime/deadline.ts";
import { dead } from "../../shared/rabbitmq/outcome.ts";
import type { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import type { Moved } from "../../shared/rabbitmq/publish/publish_until_confirmed.ts";
import { never, settle, takeExactly } from "../conformance/queue/subject.ts";
import { RecordedLog } from "../fixtures/recorded_telemetry.ts";
import type { TcpProxy } from "../servers/tcp_proxy.ts";
import {
  consumerOn,
  eventually,
  getAll,
  inQueue,
  outgoing,
  publisherOn,
  sendBodies,
  type TestQueues,
  untilConnected,
  untilConsuming,
  untilNotConsuming,
  withProxiedQueues,
} from "../servers/test_queues.ts";

function test(what: string, use: (queues: TestQueues, proxy: TcpProxy) => Promise<void>): void {
  Deno.test(what, () => withProxiedQueues(use));
}

/** An AMQP 0-9-1 frame on channel 0 with a method of class 10, connection. */
function connectionFrame(method: number, args: Uint8Array): Uint8Array {
  const payload = [0, 10, 0, method, ...args];
  return Uint8Array.from([1, 0, 0, 0, 0, 0, payload.length, ...payload, 0xce]);
}

const reason = new TextEncoder().encode("low on memory");
const blocked = connectionFrame(60, Uint8Array.from([reason.length, ...reason]));
const unblocked = connectionFrame(61, new Uint8Array());

async function block(publisher: ConfirmPublisher, proxy: TcpProxy): Promise<void> {
  proxy.say(blocked);
  await eventually("the publisher to be blocked", () => publisher.blocked);
}

test("ConfirmPublisher confirms every message although its connection is cut repeatedly", async (queues, proxy) => {
  const { channel, events } = queues;
  const publisher = publisherOn(queues, { maxInFlight: 50 });
  await publisher.publish(outgoing(events));
  const ids = new Set<string>();
  const failures: unknown[] = [];
  for (let i = 0; i < 2_000; i++) {
    await publisher.room();
    const message = outgoing(events);
    ids.add(message.messageId);
    publisher.send(message, (error) => error && failures.push(error));
    if (i % 500 === 250) proxy.cut();
  }
  await publisher.flush();
  await publisher.close();
  deepStrictEqual(failures, []);
  for (const { messageId } of await getAll(channel, events)) ids.delete(messageId);
  strictEqual(ids.size, 0, "none is lost");
});

test("ConfirmPublisher waits while the broker blocks it, and does not count that time", async (queues, proxy) => {
  const log = new RecordedLog();
  const heard: (string | undefined)[] = [];
  const onBlocked = (reason?: string) => heard.push(reason);
  const publisher = await untilConnected(publisherOn(queues, { log, giveUpAfterMs: 1_500, onBlocked }));
  // A broker with a memory alarm notifies its publishers and stops reading from them.
  proxy.holdUp();
  await block(publisher, proxy);
  let settled: unknown = "not yet";
  const published = publisher.publish(outgoing(queues.events)).then(
    () => settled = "confirmed",
    (error) => settled = error,
  );
  await queues.broker.clock.sleep(2_000);
  strictEqual(settled, "not yet", "longer than it would wait otherwise");
  strictEqual(log.of("publisher.blocked").length, 1);
  proxy.letGo();
  proxy.say(unblocked);
  await published;
  strictEqual(settled, "confirmed");
  deepStrictEqual(heard, ["low on memory", undefined]);
  await publisher.close();
});

test(
  "ConfirmPublisher sends nothing while it is blocked, and skips messages given up by then",
  async (queues, proxy) => {
    const { channel, events } = queues;
    const publisher = await untilConnected(publisherOn(queues));
    // Only the notification: the broker would still read.
    await block(publisher, proxy);
    const enough = new AbortController();
    const messages = [1, 2, 3].map(() => outgoing(events));
    const [first, abandoned, last] = messages.map((message, n) =>
      publisher.publish(message, n === 1 ? enough.signal : undefined)
    );
    await queues.broker.clock.sleep(200);
    strictEqual(publisher.inFlight, 3);
    strictEqual((await channel.checkQueue(events)).messageCount, 0);
    enough.abort(new Error("the delivery went back"));
    await rejects(abandoned!, /the delivery went back/);
    proxy.say(unblocked);
    await Promise.all([first, last]);
    await publisher.close();
    const arrived = (await getAll(channel, events)).map(({ messageId }) => messageId);
    deepStrictEqual(arrived, [messages[0]!.messageId, messages[2]!.messageId], "in the order in which they were sent");
  },
);

test("ConfirmPublisher.publish() stops on its signal while the broker blocks it", async (queues, proxy) => {
  const publisher = publisherOn(queues);
  await publisher.publish(outgoing(queues.events));
  proxy.holdUp();
  await block(publisher, proxy);
  const enough = new AbortController();
  const published = publisher.publish(outgoing(queues.events), enough.signal);
  enough.abort(new Error("the grace period is over"));
  await rejects(published, /the grace period is over/);
  strictEqual(publisher.inFlight, 0);
  proxy.letGo();
  await publisher.close();
});

test("AmqpConsumer takes nothing after stopTaking(), even without a connection", async (queues, proxy) => {
  const { channel, events } = queues;
  const consumer = await untilConsuming(consumerOn(queues));
  proxy.poison({ kind: "refuse" });
  await untilNotConsuming(consumer);
  await consumer.stopTaking();
  proxy.poison();
  await untilConsuming(consumer);
  sendBodies(queues, ["x"]);
  await inQueue(queues, events, 1);
  deepStrictEqual([(await channel.checkQueue(events)).consumerCount, consumer.unsettled], [0, 0]);
  await consumer.close();
});

test("AmqpConsumer does not wait for a dead letter whose original the broker redelivers", async (queues, proxy) => {
  const waiting = new Set<AbortSignal>();
  const publish = async (_: unknown, __: unknown, signal: AbortSignal): Promise<Moved> => {
    waiting.add(signal);
    await untilAborted(signal);
    waiting.delete(signal);
    return "unfinished";
  };
  const consumer = consumerOn(queues, { deadLetters: { publish } });
  try {
    await untilConsuming(consumer);
    sendBodies(queues, ["bad body"]);
    const leaving = new AbortController();
    const settleIt = async () => {
      const [delivery] = await takeExactly(consumer, 1);
      return [consumer.settle([{ delivery: delivery!, outcome: dead("invalid", "no amount") }], leaving.signal)];
    };
    const [first] = await settleIt();
    strictEqual(waiting.size, 1);
    proxy.cut();
    await eventually("no letter that waits", () => waiting.size === 0);
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

test(
  "AmqpConsumer reconnects after its connection is cut, and receives its unsettled messages",
  async (queues, proxy) => {
    const { broker, events } = queues;
    const consumer = await untilConsuming(consumerOn(queues, { prefetch: 10 }));
    const ids = Array.from({ length: 30 }, () => crypto.randomUUID());
    for (const messageId of ids) sendBodies(queues, ["x"], { messageId });

    const settled = new Set<string>();
    for (let round = 0; settled.size < ids.length && round < 100; round++) {
      const taken = await consumer.take(4, never);
      if (round % 3 === 1) {
        // A reset drops frames in transit, so the acks of the previous round must arrive first.
        await broker.clock.sleep(50);
        proxy.cut();
        await untilNotConsuming(consumer);
        // Settling on a closed channel has no effect, and none on equal tags of the next channel.
        await settle(consumer, taken);
        await untilConsuming(consumer);
        continue;
      }
      await settle(consumer, taken);
      for (const { messageId } of taken) settled.add(messageId);
    }
    deepStrictEqual([...settled].sort(), ids.toSorted());
    await consumer.close();
    await inQueue(queues, events, 0);
  },
);

// The queues are declared in bytes 950 to 1,700, in frames of at least 26 bytes.
const places = Array.from({ length: 34 }, (_, n) => ({ n, bytes: 950 + n * 24 }));

Deno.test("AmqpConsumer and ConfirmPublisher reconnect wherever a connection breaks during setup", async () => {
  const shares = Map.groupBy(places, ({ n }) => n % 4);
  await Promise.all(Array.from(shares.values(), (share) => withProxiedQueues((...on) => breakInSetup(share, ...on))));
});

async function breakInSetup(
  places: readonly { readonly bytes: number }[],
  queues: TestQueues,
  proxy: TcpProxy,
): Promise<void> {
  const { clock } = queues.broker;
  const publisher = publisherOn(queues);
  const consumer = consumerOn(queues);
  const bothAreThere = () => eventually("both", () => consumer.consuming && publisher.connected);
  await bothAreThere();
  for (const { bytes } of places) {
    proxy.poison({ kind: "cut-after", bytes });
    proxy.cut();
    await clock.sleep(150);
    proxy.poison();
    await bothAreThere();
    // A connection that is lost earlier counts as failed, and the backoff grows.
    await clock.sleep(120);
  }
  await publisher.publish(outgoing(queues.events));
  await settle(consumer, await takeExactly(consumer, 1));
  await consumer.close();
  await publisher.close();
}
