/** What is put on a delay queue, and how it comes back. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { retriesHeader, retriesOf } from "../../../shared/rabbitmq/delay_queues.ts";
import { type Delay, requeue } from "../../../shared/rabbitmq/outcome.ts";
import { deliveryLimit } from "../../../shared/rabbitmq/topology.ts";
import { assertOfTheBroker } from "./dead_lettering.ts";
import {
  assertReady,
  message,
  publish,
  settle,
  type Subject,
  takeExactly,
  takeLetters,
  takeOne,
  texts,
  theirHeaders,
} from "./subject.ts";

const retryDelays = [200, 400];

function delay(ms: number, attempt: number): Delay {
  return { kind: "delay", ms, attempt, reason: "rates-timeout" };
}

export function testDelaying({ name, withQueue }: Subject): void {
  Deno.test(`${name} brings a delayed message back with its id, body and headers, and the count of its retries`, async () => {
    await withQueue(async (queue) => {
      const sent = message("later", { headers: { größe: "übergroß" } });
      await publish(queue, sent);
      const subscription = await queue.subscribe();
      const first = await takeOne(subscription);
      strictEqual(retriesOf(first), 0);
      await settle(subscription, [first], delay(200, 1));
      const second = await takeOne(subscription);
      strictEqual(retriesOf(second), 1);
      await settle(subscription, [second], delay(400, 2));
      const { messageId, body, headers, appId, timestampMs } = await takeOne(subscription);
      deepStrictEqual(
        { messageId, body: Uint8Array.from(body), headers: theirHeaders(headers), appId, timestampMs },
        { ...sent, headers: { ...sent.headers, [retriesHeader]: 2 } },
      );
      await subscription.close();
      await assertReady(queue, 1);
    }, { retryDelays });
  });

  Deno.test(`${name} holds nobody up while a message is delayed`, async () => {
    await withQueue(async (queue) => {
      await publish(queue, message("later"), message("1"), message("2"));
      const subscription = await queue.subscribe({ prefetch: 1 });
      await settle(subscription, [await takeOne(subscription)], delay(400, 1));
      const taken = [];
      for (let n = 0; n < 3; n++) {
        const [next] = await takeExactly(subscription, 1);
        taken.push(next!);
        await settle(subscription, [next!]);
      }
      deepStrictEqual(texts(taken), ["1", "2", "later"]);
      await subscription.close();
      await assertReady(queue, 0);
    }, { retryDelays });
  });

  Deno.test(`${name} takes no notice of "delay" for a delivery whose subscriber has closed`, async () => {
    await withQueue(async (queue) => {
      await publish(queue, message("once"), message("sentinel"));
      const leaver = await queue.subscribe();
      const old = await takeExactly(leaver, 2);
      await leaver.close();
      const next = await queue.subscribe();
      const [once, sentinel] = await takeExactly(next, 2);
      await settle(next, old, delay(200, 1));
      await settle(next, [once!]);
      // What the closed one delayed would come back before what is delayed now.
      await settle(next, [sentinel!], delay(200, 2));
      const back = await takeOne(next);
      deepStrictEqual([texts([back]), retriesOf(back)], [["sentinel"], 2]);
    }, { retryDelays });
  });

  Deno.test(`${name} gives a delayed message all its deliveries again, and dead-letters it as any other after them`, async () => {
    await withQueue(async (queue) => {
      const sent = message("poison");
      await publish(queue, sent);
      const subscription = await queue.subscribe();
      await settle(subscription, [await takeOne(subscription)], requeue);
      await settle(subscription, [await takeOne(subscription)], delay(200, 1));
      for (let i = 0; i <= deliveryLimit; i++) await settle(subscription, [await takeOne(subscription)], requeue);
      const [letter] = await takeLetters(queue, 1);
      assertOfTheBroker(letter!, { ...sent, headers: { [retriesHeader]: 1 } });
    }, { retryDelays });
  });
}
