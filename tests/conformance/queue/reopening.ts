/** Subscribers that come, fail and go, over and over: nothing is lost, and nothing that was acked comes back. */
import { deepStrictEqual } from "node:assert/strict";
import { requeue } from "../../../shared/rabbitmq/outcome.ts";
import { deliveryLimit } from "../../../shared/rabbitmq/topology.ts";
import {
  assertReady,
  ids,
  messages,
  publish,
  settle,
  type Subject,
  takeExactly,
  takeLetters,
  takeOne,
  untilFinished,
} from "./subject.ts";

export function testReopening({ name, withQueue }: Subject): void {
  Deno.test(`${name} continues where a subscriber closed, over five subscribers and 5,000 messages`, async () => {
    await withQueue(async (queue) => {
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
  });

  Deno.test(`${name} loses and repeats nothing while ten subscribers open and close at once`, async () => {
    await withQueue(async (queue) => {
      const published = messages(2_000);
      await publish(queue, ...published);
      const acked: string[] = [];
      const work = async (done: AbortSignal, finish: () => void) => {
        while (!done.aborted) {
          const subscription = await queue.subscribe();
          for (let count = 0; count < 60 && !done.aborted;) {
            const taken = await subscription.take(20, done);
            count += taken.length;
            acked.push(...ids(taken));
            if (acked.length >= published.length) finish();
            await settle(subscription, taken);
          }
          await subscription.close();
        }
      };
      await untilFinished("2,000 acks", (done, finish) => Array.from({ length: 10 }, () => work(done, finish)));
      deepStrictEqual(acked.toSorted(), ids(published).sort());
      await assertReady(queue, 0);
    });
  });

  Deno.test(`${name} continues though each of three subscribers fails a hundred times`, async () => {
    await withQueue(async (queue) => {
      const published = messages(100);
      await publish(queue, ...published);
      const failures = new Map<string, number>();
      const acked: string[] = [];

      /** Puts back and leaves in turn, but acks what would otherwise come near its delivery limit. */
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
  });
}
