import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { systemClock } from "../runtime/clock.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { deadHeaders } from "./publish/dead_letters.ts";
import { MemoryQueue } from "./memory_queue.ts";
import { ack, dead } from "./outcome.ts";
import { testQueue } from "../../tests/conformance/queue.ts";
import { message, messages, never, subscriberId, texts } from "../../tests/conformance/queue/subject.ts";

testQueue({
  name: "MemoryQueue",
  async withQueue(use) {
    const queue = new MemoryQueue(systemClock);
    await use({
      openPublisher: () =>
        Promise.resolve({
          publish: (published) => Promise.resolve(queue.publish(...published)),
          send: (published) => queue.publish(...published),
          close: () => Promise.resolve(),
        }),
      subscribe: ({ prefetch = 100 } = {}) => Promise.resolve(queue.subscribe({ prefetch, subscriberId })),
      ready: () => Promise.resolve(queue.ready),
      deadLetters: () => Promise.resolve(queue.deadLetters.splice(0)),
    });
  },
});

Deno.test("MemoryQueue delivers only what its subscriber takes", async () => {
  const queue = new MemoryQueue();
  queue.publish(...messages(5));
  const taken = await queue.take(2, never);
  deepStrictEqual([texts(taken), queue.ready, queue.unsettled], [["0", "1"], 3, 2]);
  queue.settle(taken.map((delivery) => ({ delivery, outcome: ack })));
  deepStrictEqual([queue.acked, queue.unsettled], [taken.map(({ messageId }) => messageId), 0]);
});

Deno.test("MemoryQueue.settle() throws on a second settlement", async () => {
  const queue = new MemoryQueue();
  queue.publish(message("x"));
  const [delivery] = await queue.take(1, never);
  queue.settle([{ delivery: delivery!, outcome: ack }]);
  throws(() => queue.settle([{ delivery: delivery!, outcome: ack }]), /settled twice/);
});

Deno.test("MemoryQueue dates dead letters by its clock", async () => {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock);
  queue.publish(message("x"));
  const [delivery] = await queue.take(1, never);
  await clock.advance(1_000);
  queue.settle([{ delivery: delivery!, outcome: dead("invalid", "") }]);
  strictEqual(queue.deadLetters[0]?.headers[deadHeaders.lastFailedAt], "2024-07-01T00:00:01.000Z");
});
