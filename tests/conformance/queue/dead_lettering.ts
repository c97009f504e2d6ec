/** Messages in the dead letter queue. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { deadHeaders, maxDetailBytes } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { dead, deadReasons, requeue } from "../../../shared/rabbitmq/outcome.ts";
import { deliveryLimit } from "../../../shared/rabbitmq/topology.ts";
import {
  assertReady,
  message,
  publish,
  type Register,
  settle,
  subscriberId,
  takeExactly,
  takeLetters,
  takeOne,
  type TestedQueue,
  texts,
  theirHeaders,
} from "./subject.ts";

/** Publishes and dead-letters a message, and returns the letter. */
async function bury(queue: TestedQueue, published: Delivery, outcome = dead("invalid", "amount 0")): Promise<Delivery> {
  await publish(queue, published);
  const subscription = await queue.subscribe();
  await settle(subscription, [await takeOne(subscription)], outcome);
  await subscription.close();
  const [letter] = await takeLetters(queue, 1);
  await assertReady(queue, 0);
  return letter!;
}

export function testDeadLettering(test: Register): void {
  test("dead-letters with reason, detail, subscriber and attempts, and removes the original", async (queue) => {
    const sent = message("bad", { headers: { größe: "übergroß", "x-of-theirs": 1 } });
    const { headers, messageId, body, appId, timestampMs } = await bury(queue, sent);
    const { [deadHeaders.firstFailedAt]: first, [deadHeaders.lastFailedAt]: last, ...rest } = theirHeaders(
      headers,
    );
    deepStrictEqual({ messageId, body: Uint8Array.from(body), appId, timestampMs, headers: rest }, {
      ...sent,
      headers: {
        ...sent.headers,
        [deadHeaders.reason]: "invalid",
        [deadHeaders.detail]: "amount 0",
        [deadHeaders.subscriber]: subscriberId,
        [deadHeaders.attempts]: 1,
      },
    });
    strictEqual(first, last);
    strictEqual(new Date(String(first)).toISOString(), first);
  });

  const bodies = { empty: new Uint8Array(), invalid: Uint8Array.of(0xff, 0x00, 0xc0, 0x80, 0x0a, 0xff) };
  for (const [what, body] of Object.entries(bodies)) {
    test(`keeps an ${what} body verbatim in its dead letter`, async (queue) => {
      const letter = await bury(queue, message(body), dead("undecodable", "cut off"));
      deepStrictEqual(Uint8Array.from(letter.body), body);
    });
  }

  test("dead-letters for every reason", async (queue) => {
    await publish(queue, ...deadReasons.map((reason) => message(reason)));
    const subscription = await queue.subscribe();
    for (const reason of deadReasons) await settle(subscription, [await takeOne(subscription)], dead(reason, ""));
    const letters = await takeLetters(queue, deadReasons.length);
    deepStrictEqual(letters.map(({ headers }) => headers[deadHeaders.reason]), [...deadReasons]);
    deepStrictEqual(texts(letters), [...deadReasons]);
  });

  test(`cuts the detail of a dead letter at ${maxDetailBytes} bytes, never inside a character`, async (queue) => {
    const { headers } = await bury(queue, message("bad"), dead("invalid", "🎰".repeat(maxDetailBytes)));
    const detail = String(headers[deadHeaders.detail]);
    match(detail, /^🎰+…$/u);
    strictEqual(new TextEncoder().encode(detail).length <= maxDetailBytes, true);
  });

  test("counts the attempts of a replayed dead letter, and keeps the time of its first failure", async (queue) => {
    const letter = await bury(queue, message("bad"));
    const again = await bury(queue, letter, dead("rates-timeout", "none"));
    const { headers } = again;
    strictEqual(headers[deadHeaders.attempts], 2);
    strictEqual(headers[deadHeaders.reason], "rates-timeout");
    strictEqual(headers[deadHeaders.firstFailedAt], letter.headers[deadHeaders.firstFailedAt]);
    deepStrictEqual(texts([again]), ["bad"]);
  });

  test(`dead-letters once a message that was requeued more than ${deliveryLimit} times, and not its neighbours`, async (queue) => {
    const poison = message("poison", { headers: { größe: "übergroß" } });
    await publish(queue, message("before"), poison, message("after"));
    const subscription = await queue.subscribe();
    const [before, first, after] = await takeExactly(subscription, 3);
    await settle(subscription, [first!], requeue);
    for (let times = 1; times <= deliveryLimit; times++) {
      const again = await takeOne(subscription);
      strictEqual(again.messageId, poison.messageId);
      strictEqual((await queue.deadLetters()).length, 0, `after ${times} times`);
      await settle(subscription, [again], requeue);
    }
    const [letter] = await takeLetters(queue, 1);
    await settle(subscription, [before!, after!]);
    await subscription.close();
    await assertReady(queue, 0);
    await takeLetters(queue, 0);
    assertOfTheBroker(letter!, poison);
  });

  test("dead-letters a message that was in hand each time a subscriber closed, and not the one behind it", async (queue) => {
    const poison = message("poison");
    await publish(queue, poison, message("after"));
    for (let deliveries = 0; deliveries <= deliveryLimit; deliveries++) {
      const leaver = await queue.subscribe({ prefetch: 1 });
      strictEqual((await takeOne(leaver)).messageId, poison.messageId);
      await leaver.close();
    }
    const [letter] = await takeLetters(queue, 1);
    assertOfTheBroker(letter!, poison);
    deepStrictEqual(texts(await takeExactly(await queue.subscribe(), 1)), ["after"]);
  });

  test("gives a replayed letter all its deliveries again after it exceeded the delivery limit", async (queue) => {
    await publish(queue, message("poison"));
    const subscription = await queue.subscribe();
    const requeueUntilDead = async () => {
      for (let i = 0; i <= deliveryLimit; i++) await settle(subscription, [await takeOne(subscription)], requeue);
      const [letter] = await takeLetters(queue, 1);
      return letter!;
    };
    const letter = await requeueUntilDead();
    await publish(queue, { ...letter, headers: theirHeaders(letter.headers) });
    assertOfTheBroker(await requeueUntilDead(), letter);
  });
}

/**
 * Asserts that the queue itself dead-lettered the message: the letter has no reason of ours, and its last death comes
 * first.
 */
function assertOfTheBroker({ messageId, body, headers }: Delivery, published: Delivery): void {
  strictEqual(messageId, published.messageId);
  deepStrictEqual(Uint8Array.from(body), Uint8Array.from(published.body));
  deepStrictEqual(theirHeaders(headers), theirHeaders(published.headers));
  const [death] = headers["x-death"] as { count: number; reason: string; time: { value: number } }[];
  deepStrictEqual([death?.reason, death?.count, typeof death?.time.value], ["delivery_limit", 1, "number"]);
}
