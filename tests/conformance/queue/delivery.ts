/** What reaches a subscriber, unchanged and in which order. */
import { deepStrictEqual } from "node:assert/strict";
import {
  assertReady,
  ids,
  message,
  messages,
  publish,
  settle,
  type Subject,
  takeExactly,
  takeOne,
  texts,
} from "./subject.ts";

export function testDelivery({ name, withQueue }: Subject): void {
  Deno.test(`${name} delivers what was published before a subscriber came, and after`, async () => {
    await withQueue(async (queue) => {
      await publish(queue, ...messages(10));
      const subscription = await queue.subscribe();
      await publish(queue, ...messages(10, 10));
      deepStrictEqual(texts(await takeExactly(subscription, 20)), texts(messages(20)));
    });
  });

  Deno.test(`${name} keeps the order of one publisher for one subscriber`, async () => {
    await withQueue(async (queue) => {
      const subscription = await queue.subscribe({ prefetch: 20 });
      const publisher = await queue.openPublisher();
      publisher.send(messages(1_000));
      const seen: string[] = [];
      while (seen.length < 1_000) {
        const taken = await takeExactly(subscription, 10);
        seen.push(...texts(taken));
        await settle(subscription, taken);
      }
      deepStrictEqual(seen, texts(messages(1_000)));
    });
  });

  Deno.test(`${name} keeps several queues apart that are used at the same time`, async () => {
    const use = async (from: number) => {
      await withQueue(async (queue) => {
        const subscription = await queue.subscribe();
        await publish(queue, ...messages(50, from));
        const taken = await takeExactly(subscription, 50);
        deepStrictEqual(texts(taken), texts(messages(50, from)));
        await settle(subscription, taken);
        await subscription.close();
        await assertReady(queue, 0);
      });
    };
    await Promise.all([0, 1_000, 2_000, 3_000].map(use));
  });

  Deno.test(`${name} passes on id, headers of any script, publisher and time of publication`, async () => {
    await withQueue(async (queue) => {
      const headers = {
        größe: "übergroß",
        名前: "イベント",
        emoji: "🎰",
        count: 7,
        negative: -1,
        yes: true,
        empty: "",
      };
      const sent = message("x", { headers });
      await publish(queue, sent);
      const { messageId, headers: received, appId, timestampMs } = await takeOne(await queue.subscribe());
      deepStrictEqual({ messageId, headers: received, appId, timestampMs, body: sent.body }, sent);
    });
  });

  const bodies = {
    "an empty body": new Uint8Array(),
    "a body of every byte": Uint8Array.from({ length: 256 }, (_, i) => i),
    "a body that is no UTF-8": Uint8Array.of(0xff, 0xfe, 0xc0, 0x80),
    "a body of 1 MiB": Uint8Array.from({ length: 1_048_576 }, (_, i) => i * 31),
  };
  for (const [what, body] of Object.entries(bodies)) {
    Deno.test(`${name} delivers ${what} byte for byte`, async () => {
      await withQueue(async (queue) => {
        await publish(queue, message(body));
        const delivery = await takeOne(await queue.subscribe());
        deepStrictEqual(Uint8Array.from(delivery.body), body);
      });
    });
  }

  Deno.test(`${name} delivers two messages under the same id as two, each to be settled`, async () => {
    await withQueue(async (queue) => {
      const twice = message("twice");
      await publish(queue, twice, twice);
      const subscription = await queue.subscribe();
      const taken = await takeExactly(subscription, 2);
      deepStrictEqual(ids(taken), [twice.messageId, twice.messageId]);
      await settle(subscription, taken.slice(1));
      await subscription.close();
      await assertReady(queue, 1);
    });
  });
}
