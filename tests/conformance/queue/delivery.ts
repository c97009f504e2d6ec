/** Messages reach subscribers unchanged, in order, and within the prefetch. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import {
  assertReady,
  ids,
  message,
  messages,
  never,
  publish,
  type Register,
  settle,
  takeExactly,
  takeOne,
  texts,
} from "./subject.ts";

export function testDelivery(test: Register): void {
  test("delivers messages from before and after a subscriber connects", async (queue) => {
    await publish(queue, ...messages(10));
    const subscription = await queue.subscribe();
    await publish(queue, ...messages(10, 10));
    deepStrictEqual(texts(await takeExactly(subscription, 20)), texts(messages(20)));
  });

  test("keeps the order of one publisher for one subscriber", async (queue) => {
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

  test("preserves id, headers in any script, publisher and time of publication", async (queue) => {
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

  const bodies = {
    "an empty body": new Uint8Array(),
    "a body of every byte": Uint8Array.from({ length: 256 }, (_, i) => i),
    "a body that is no UTF-8": Uint8Array.of(0xff, 0xfe, 0xc0, 0x80),
    "a body of 1 MiB": Uint8Array.from({ length: 1_048_576 }, (_, i) => i * 31),
  };
  for (const [what, body] of Object.entries(bodies)) {
    test(`delivers ${what} byte for byte`, async (queue) => {
      await publish(queue, message(body));
      const delivery = await takeOne(await queue.subscribe());
      deepStrictEqual(Uint8Array.from(delivery.body), body);
    });
  }

  test("delivers two messages under one id separately, each to be settled", async (queue) => {
    const twice = message("twice");
    await publish(queue, twice, twice);
    const subscription = await queue.subscribe();
    const taken = await takeExactly(subscription, 2);
    deepStrictEqual(ids(taken), [twice.messageId, twice.messageId]);
    await settle(subscription, taken.slice(1));
    await subscription.close();
    await assertReady(queue, 1);
  });
}

export function testTaking(test: Register): void {
  test("take() returns available deliveries up to its limit, oldest first, without waiting for more", async (queue) => {
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

  test("take() returns an empty array once its signal is aborted, and loses nothing", async (queue) => {
    const subscription = await queue.subscribe();
    const abort = new AbortController();
    const taking = subscription.take(10, abort.signal);
    abort.abort();
    deepStrictEqual(await taking, []);
    await publish(queue, ...messages(5));
    deepStrictEqual(await subscription.take(10, abort.signal), []);
    deepStrictEqual(texts(await takeExactly(subscription, 5)), texts(messages(5)));
  });

  test("take() loses no message when it is aborted on arrival", async (queue) => {
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

  test("serves every concurrent take() of one subscriber", async (queue) => {
    const subscription = await queue.subscribe();
    const takes = Array.from({ length: 5 }, () => takeOne(subscription));
    await publish(queue, ...messages(5));
    deepStrictEqual(texts(await Promise.all(takes)).sort(), texts(messages(5)));
  });

  test("respects the prefetch: the next delivery comes only after one is settled", async (queue) => {
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

  test("delivers to its subscribers in turn, not to one until it is full", async (queue) => {
    const subscriptions = [await queue.subscribe(), await queue.subscribe(), await queue.subscribe()];
    await publish(queue, ...messages(30));
    const taken = await Promise.all(subscriptions.map(takeOne));
    strictEqual(new Set(ids(taken)).size, 3);
  });
}
