/** Deliveries that are acked, requeued, or left unsettled. */
import { deepStrictEqual } from "node:assert/strict";
import { withoutBrokerHeaders } from "../../../shared/rabbitmq/message.ts";
import { ack, dead, type Outcome, requeue } from "../../../shared/rabbitmq/outcome.ts";
import {
  assertReady,
  message,
  messages,
  never,
  publish,
  type Register,
  settle,
  takeExactly,
  takeLetters,
  takeOne,
  texts,
} from "./subject.ts";

export function testSettling(test: Register): void {
  test("never redelivers an acked message, for any order of acks", async (queue) => {
    await publish(queue, ...messages(100));
    const subscription = await queue.subscribe();
    const taken = await takeExactly(subscription, 100);
    const odd = taken.filter((_, i) => i % 2 === 1);
    await settle(subscription, odd.toReversed());
    await settle(subscription, taken.slice(0, 51).filter((_, i) => i % 2 === 0));
    await subscription.close();
    const left = messages(100).slice(51).filter((_, i) => i % 2 === 1);
    deepStrictEqual(texts(await takeExactly(await queue.subscribe(), left.length)), texts(left));
    await assertReady(queue, 0);
  });

  test("redelivers a requeued message unchanged, and not its neighbours", async (queue) => {
    const sent = message("again", { headers: { größe: "übergroß" } });
    await publish(queue, message("before"), sent, message("after"));
    const subscription = await queue.subscribe();
    const taken = await takeExactly(subscription, 3);
    const outcomes: Outcome[] = [ack, requeue, ack];
    await subscription.settle(taken.map((delivery, i) => ({ delivery, outcome: outcomes[i]! })), never);
    const { messageId, body, headers, appId, timestampMs } = await takeOne(subscription);
    deepStrictEqual(
      { messageId, body: Uint8Array.from(body), headers: withoutBrokerHeaders(headers), appId, timestampMs },
      sent,
    );
    await subscription.close();
    await assertReady(queue, 1);
  });

  test("delivers requeued messages before new ones", async (queue) => {
    await publish(queue, ...messages(10));
    const subscription = await queue.subscribe({ prefetch: 3 });
    const taken = await takeExactly(subscription, 3);
    await settle(subscription, taken, requeue);
    deepStrictEqual(texts(await takeExactly(subscription, 3)), ["0", "1", "2"]);
  });

  test("delivers a subscriber's unsettled messages to the next one, in order", async (queue) => {
    await publish(queue, ...messages(20));
    const leaver = await queue.subscribe({ prefetch: 10 });
    await takeExactly(leaver, 5);
    await leaver.close();
    const next = await queue.subscribe({ prefetch: 20 });
    deepStrictEqual(texts(await takeExactly(next, 20)), texts(messages(20)), "also what the leaver never took");
  });

  test("delivers a subscriber's unsettled messages to one that already waits", async (queue) => {
    await publish(queue, ...messages(10));
    const leaver = await queue.subscribe({ prefetch: 10 });
    await takeExactly(leaver, 10);
    const next = await queue.subscribe({ prefetch: 10 });
    const taking = takeExactly(next, 10);
    await leaver.close();
    deepStrictEqual(texts(await taking), texts(messages(10)));
  });

  for (const outcome of [ack, requeue, dead("invalid", "too late")]) {
    test(`ignores "${outcome.kind}" for a delivery whose subscriber has closed`, async (queue) => {
      await publish(queue, ...messages(3));
      const leaver = await queue.subscribe();
      const old = await takeExactly(leaver, 3);
      await leaver.close();
      const next = await queue.subscribe();
      const taken = await takeExactly(next, 3);
      await settle(leaver, old, outcome);
      await settle(next, old, outcome);
      await settle(next, taken.slice(0, 2));
      await next.close();
      await assertReady(queue, 1);
      deepStrictEqual(texts(await takeExactly(await queue.subscribe(), 1)), ["2"]);
      await takeLetters(queue, 0);
    });
  }

  test("delivers nothing more to a closed subscriber", async (queue) => {
    const leaver = await queue.subscribe({ prefetch: 5 });
    const stop = new AbortController();
    await publish(queue, ...messages(10));
    await takeOne(leaver);
    await leaver.close();
    const taking = leaver.take(10, stop.signal);
    deepStrictEqual(texts(await takeExactly(await queue.subscribe(), 10)), texts(messages(10)));
    stop.abort();
    deepStrictEqual(await taking, []);
  });

  test("closes twice like once", async (queue) => {
    await publish(queue, ...messages(2));
    const subscription = await queue.subscribe();
    const [first] = await takeExactly(subscription, 2);
    await settle(subscription, [first!]);
    await Promise.all([subscription.close(), subscription.close()]);
    await subscription.close();
    await assertReady(queue, 1);
  });

  test("settles many deliveries in one call, each by its outcome", async (queue) => {
    await publish(queue, ...messages(300));
    const subscription = await queue.subscribe({ prefetch: 300 });
    const taken = await takeExactly(subscription, 300);
    const outcomes: Outcome[] = [ack, requeue, dead("invalid", "every third")];
    await subscription.settle(taken.map((delivery, i) => ({ delivery, outcome: outcomes[i % 3]! })), never);
    const again = await takeExactly(subscription, 100);
    deepStrictEqual(texts(again).sort(), texts(messages(300)).filter((_, i) => i % 3 === 1).sort());
    await settle(subscription, again);
    const letters = await takeLetters(queue, 100);
    deepStrictEqual(texts(letters).sort(), texts(messages(300)).filter((_, i) => i % 3 === 2).sort());
    await subscription.close();
    await assertReady(queue, 0);
  });
}
