/** Many publishers and many subscribers at once. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { requeue } from "../../../shared/rabbitmq/outcome.ts";
import {
  ackUntil,
  assertReady,
  ids,
  messages,
  publish,
  settle,
  type Subject,
  takeLetters,
  untilFinished,
} from "./subject.ts";

export function testCrowds({ name, withQueue }: Subject): void {
  Deno.test(`${name} delivers each message of 50 publishers once to one of 50 subscribers`, async () => {
    await withQueue(async (queue) => {
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
        (done, finish) =>
          Array.from({ length: 50 }, (_, i) => work(published.slice(i * 50, (i + 1) * 50), done, finish)),
      );
      deepStrictEqual(acked.toSorted(), ids(published).sort());
      await assertReady(queue, 0);
    });
  });

  Deno.test(`${name} has all of 10,000 messages once 20 publishers that sent them have closed`, async () => {
    await withQueue(async (queue) => {
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
  });

  Deno.test(`${name} has each message with one subscriber at a time, while some are requeued and subscribers leave`, async () => {
    await withQueue(async (queue) => {
      const published = messages(500);
      await publish(queue, ...published);
      const inHand = new Set<string>();
      const seen = new Map<string, number>();
      const acked: string[] = [];
      /** Holds them for as long as the broker takes to answer; meanwhile the others run. */
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
  });
}
