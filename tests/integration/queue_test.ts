/** The suite for queues on RabbitMQ. */
import { deepStrictEqual } from "node:assert/strict";
import { testQueue } from "../conformance/queue.ts";
import type { TestPublisher } from "../conformance/queue/subject.ts";
import {
  consumerOn,
  getAll,
  outgoing,
  publisherOn,
  type TestQueues,
  untilConnected,
  untilConsuming,
  withTestQueues,
} from "../servers/test_queues.ts";

testQueue({
  name: "AmqpConsumer",
  withQueue: (use, options) =>
    withTestQueues(async (queues) => {
      const { channel, events, dead } = queues;
      const publisher = await untilConnected(publisherOn(queues));
      const opened: { close(): Promise<void> }[] = [];
      try {
        await use({
          openPublisher() {
            const opening = openPublisher(queues);
            opened.push(opening);
            return Promise.resolve(opening);
          },
          subscribe({ prefetch = 100 } = {}) {
            const consumer = consumerOn(queues, { publisher, prefetch });
            opened.push(consumer);
            return untilConsuming(consumer);
          },
          ready: async () => (await channel.checkQueue(events)).messageCount,
          deadLetters: () => getAll(channel, dead),
        });
      } finally {
        await Promise.all(opened.map((each) => each.close().catch(() => {})));
        await publisher.close();
      }
    }, options),
});

function openPublisher(queues: TestQueues): TestPublisher {
  const publisher = publisherOn(queues);
  const refusals: unknown[] = [];
  return {
    async publish(messages) {
      await Promise.all(messages.map((message) => publisher.publish(outgoing(queues.events, message))));
    },
    send(messages) {
      for (const message of messages) {
        publisher.send(outgoing(queues.events, message), (error) => error && refusals.push(error));
      }
    },
    async close() {
      await publisher.close();
      deepStrictEqual(refusals, []);
    },
  };
}
