/** How much of the queue is given to whom, and when. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import {
  ackUntil,
  assertReady,
  ids,
  message,
  messages,
  never,
  publish,
  settle,
  type Subject,
  takeExactly,
  takeOne,
  texts,
  untilFinished,
} from "./subject.ts";

export function testTaking({ name, withQueue }: Subject): void {
  Deno.test(`${name} take() gives what is at hand up to its limit, oldest first, and never waits for more`, async () => {
    await withQueue(async (queue) => {
      await publish(queue, ...messages(995));
      const subscription = await queue.subscribe({ prefetch: 1_000 });
      const [seen, sizes]: [string[], number[]] = [[], []];
      while (seen.length < 995) {
        const taken = await subscription.take(10, never);
        seen.push(...texts(taken));
        sizes.push(taken.length);
      }
      deepStrictEqual(seen, texts(messages(995)));
      strictEqual(Math.min(...sizes) >= 1, true, "it waits for the first");
      strictEqual(Math.max(...sizes), 10);
    });
  });

  Deno.test(`${name} take() gives an empty array once its signal is aborted, and loses nothing by it`, async () => {
    await withQueue(async (queue) => {
      const subscription = await queue.subscribe();
      const abort = new AbortController();
      const taking = subscription.take(10, abort.signal);
      abort.abort();
      deepStrictEqual(await taking, []);
      await publish(queue, ...messages(5));
      deepStrictEqual(await subscription.take(10, abort.signal), []);
      deepStrictEqual(texts(await takeExactly(subscription, 5)), texts(messages(5)));
    });
  });

  Deno.test(`${name} take() that is aborted just as messages arrive loses none of them`, async () => {
    await withQueue(async (queue) => {
      const subscription = await queue.subscribe({ prefetch: 200 });
      const publisher = await queue.openPublisher();
      const seen: string[] = [];
      for (let i = 0; i < 200; i++) {
        const abort = new AbortController();
        const taking = subscription.take(10, abort.signal);
        const published = publisher.publish(messages(1, i));
        if (i % 2 === 0) await published;
        abort.abort();
        seen.push(...texts(await taking));
        await published;
      }
      seen.push(...texts(await takeExactly(subscription, 200 - seen.length)));
      deepStrictEqual(seen, texts(messages(200)));
    });
  });

  Deno.test(`${name} serves every take() of one subscriber that waits at the same time`, async () => {
    await withQueue(async (queue) => {
      const subscription = await queue.subscribe();
      const takes = Array.from({ length: 5 }, () => takeOne(subscription));
      await publish(queue, ...messages(5));
      deepStrictEqual(texts(await Promise.all(takes)).sort(), texts(messages(5)));
    });
  });

  Deno.test(`${name} holds to the prefetch: the next delivery comes only when one was settled`, async () => {
    await withQueue(async (queue) => {
      await publish(queue, ...messages(10));
      const full = await queue.subscribe({ prefetch: 3 });
      const [first] = await takeExactly(full, 3);
      let more: Delivery[] | undefined;
      const taking = takeExactly(full, 1).then((taken) => more = taken);
      const other = await queue.subscribe({ prefetch: 7 });
      deepStrictEqual(texts(await takeExactly(other, 7)), texts(messages(7, 3)), "all that remains goes to the other");
      await publish(queue, message("next"));
      await assertReady(queue, 1);
      strictEqual(more, undefined);
      await settle(full, [first!]);
      deepStrictEqual(texts(await taking), ["next"]);
    });
  });

  Deno.test(`${name} delivers to its subscribers in turn, not to one until it is full`, async () => {
    await withQueue(async (queue) => {
      const subscriptions = [await queue.subscribe(), await queue.subscribe(), await queue.subscribe()];
      await publish(queue, ...messages(30));
      const taken = await Promise.all(subscriptions.map(takeOne));
      strictEqual(new Set(ids(taken)).size, 3);
    });
  });

  Deno.test(`${name} gives a share to each of two subscribers that take`, async () => {
    await withQueue(async (queue) => {
      const subscriptions = [await queue.subscribe({ prefetch: 10 }), await queue.subscribe({ prefetch: 10 })];
      const shares = [0, 0];
      await untilFinished("200 acks", (done, finish) => [
        ...subscriptions.map((subscription, i) =>
          ackUntil(done, subscription, (taken) => {
            shares[i]! += taken.length;
            if (shares[0]! + shares[1]! === 200) finish();
          })
        ),
        publish(queue, ...messages(200)),
      ]);
      strictEqual(Math.min(...shares) > 0, true, `shares of ${shares.join(" and ")}`);
    });
  });
}
