/**
 * One suite for every {@linkcode EventQueue} with its broker: RabbitMQ, and the in-memory one. Modelled on watermill's
 * tests of its message transports (pubsub/tests in ThreeDotsLabs/watermill).
 */
import { testDeadLettering } from "./queue/dead_lettering.ts";
import { testDelivery, testTaking } from "./queue/delivery.ts";
import { testSettling } from "./queue/settling.ts";
import {
  ackUntil,
  assertReady,
  ids,
  messages,
  publish,
  type Register,
  settle,
  type Subject,
  takeExactly,
  takeLetters,
  takeOne,
  untilFinished,
} from "./queue/subject.ts";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { requeue } from "../../shared/rabbitmq/outcome.ts";
import { deliveryLimit } from "../../shared/rabbitmq/topology.ts";

/** Registers the suite's tests under the subject's name. */
export function testQueue({ name, withQueue }: Subject): void {
  const test: Register = (what, use) => Deno.test(`${name}: ${what}`, () => withQueue(use));
  testDelivery(test);
  testTaking(test);
  testSettling(test);
  testDeadLettering(test);
  testReopening(test);
  testCrowds(test);
}

/**
 * Publishers and subscribers start, fail and leave concurrently: no message is lost, and no acked message is
 * redelivered.
 */
function testCrowds(test: Register): void {
  test("delivers each message of 50 publishers once to one of 50 subscribers", async (queue) => {
    const published = messages(2_500);
    const acked: string[] = [];
    const work = async (own: Delivery[], done: AbortSignal, finish: () => void) => {
      const publishing = publish(queue, ...own);
      const subscription = await queue.subscribe({ prefetch: 20 });
      await ackUntil(done, subscription, (taken) => {
        acked.push(...ids(taken));
        if (acked.length >= published.length) finish();
      });
      await publishing;
      await subscription.close();
    };
    await untilFinished(
      "2,500 acks",
      (done, finish) => Array.from({ length: 50 }, (_, i) => work(published.slice(i * 50, (i + 1) * 50), done, finish)),
    );
    deepStrictEqual(acked.toSorted(), ids(published).sort());
    await assertReady(queue, 0);
  });

  test("has all of 10,000 messages after the 20 publishers that sent them closed", async (queue) => {
    const published = messages(10_000);
    await Promise.all(Array.from({ length: 20 }, async (_, i) => {
      const publisher = await queue.openPublisher();
      publisher.send(published.slice(i * 500, (i + 1) * 500));
      await publisher.close();
    }));
    await assertReady(queue, 10_000);
    const subscription = await queue.subscribe({ prefetch: 1_000 });
    const acked: string[] = [];
    await untilFinished("10,000 acks", (done, finish) => [
      ackUntil(done, subscription, (taken) => {
        acked.push(...ids(taken));
        if (acked.length >= published.length) finish();
      }),
    ]);
    await subscription.close();
    deepStrictEqual(acked.toSorted(), ids(published).sort());
    await assertReady(queue, 0);
  });

  test("gives each message to one subscriber at a time, while others requeue and close", async (queue) => {
    const published = messages(500);
    await publish(queue, ...published);
    const inHand = new Set<string>();
    const seen = new Map<string, number>();
    const acked: string[] = [];
    /** Holds the deliveries for one round trip to the broker, while the others run. */
    const hold = async (taken: readonly Delivery[]) => {
      for (const { messageId } of taken) {
        strictEqual(inHand.has(messageId), false, `${messageId} is with two subscribers`);
        inHand.add(messageId);
        seen.set(messageId, (seen.get(messageId) ?? 0) + 1);
      }
      await queue.ready();
      for (const { messageId } of taken) inHand.delete(messageId);
    };
    const work = async (done: AbortSignal, finish: () => void) => {
      for (let round = 0; !done.aborted; round++) {
        const subscription = await queue.subscribe({ prefetch: 10 });
        for (let takes = 0; takes < 10 && !done.aborted; takes++) {
          const taken = await subscription.take(10, done);
          await hold(taken);
          const again = taken.filter(({ messageId }, i) => i % 2 === 0 && seen.get(messageId) === 1);
          const finished = taken.filter((delivery) => !again.includes(delivery));
          acked.push(...ids(finished));
          if (acked.length >= published.length) finish();
          await settle(subscription, again, requeue);
          await settle(subscription, finished);
        }
        if (round < 3) await hold(await subscription.take(3, done));
        await subscription.close();
      }
    };
    await untilFinished("500 acks", (done, finish) => Array.from({ length: 10 }, () => work(done, finish)));
    deepStrictEqual(acked.toSorted(), ids(published).sort());
    await assertReady(queue, 0);
    await takeLetters(queue, 0);
  });
}

function testReopening(test: Register): void {
  test("continues where a subscriber closed, over five subscribers and 5,000 messages", async (queue) => {
    const published = messages(5_000);
    await publish(queue, ...published);
    const acked: string[] = [];
    for (let batch = 0; batch < 5; batch++) {
      const subscription = await queue.subscribe();
      for (let count = 0; count < 1_000; count += 100) {
        const taken = await takeExactly(subscription, 100);
        acked.push(...ids(taken));
        await settle(subscription, taken);
      }
      await subscription.close();
    }
    deepStrictEqual(acked.toSorted(), ids(published).sort());
    await assertReady(queue, 0);
  });

  test("continues though each of three subscribers fails a hundred times", async (queue) => {
    const published = messages(100);
    await publish(queue, ...published);
    const failures = new Map<string, number>();
    const acked: string[] = [];

    /** Alternately requeues and leaves, but acks a message before it reaches its delivery limit. */
    const fail = async (times: number) => {
      let subscription = await queue.subscribe({ prefetch: 1 });
      while (times > 0) {
        const delivery = await takeOne(subscription);
        const { messageId } = delivery;
        const before = failures.get(messageId) ?? 0;
        if (before >= deliveryLimit / 2) {
          acked.push(messageId);
          await settle(subscription, [delivery]);
          continue;
        }
        failures.set(messageId, before + 1);
        if (times-- % 2 === 0) {
          await settle(subscription, [delivery], requeue);
        } else {
          await subscription.close();
          subscription = await queue.subscribe({ prefetch: 1 });
        }
      }
      await subscription.close();
    };
    await Promise.all([fail(100), fail(100), fail(100)]);

    const subscription = await queue.subscribe();
    const rest = await takeExactly(subscription, published.length - acked.length);
    await settle(subscription, rest);
    await subscription.close();
    deepStrictEqual([...acked, ...ids(rest)].sort(), ids(published).sort());
    await assertReady(queue, 0);
    await takeLetters(queue, 0);
  });
}
