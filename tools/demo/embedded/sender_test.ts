import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MemoryQueue } from "../../../shared/rabbitmq/memory_queue.ts";
import { ack } from "../../../shared/rabbitmq/outcome.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { generateEvents } from "../../../publisher/generator.ts";
import { publishEvents, Tally } from "../../../publisher/publish.ts";
import { MemorySender } from "./sender.ts";

function world(count: number) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock);
  const stop = new AbortController();
  const tally = new Tally();
  const published = publishEvents({
    source: generateEvents({ random: seededRandom(1), players: 10, firstId: 1n, timeMs: () => clock.now() }),
    sender: new MemorySender(queue, clock, stop.signal),
    exchange: "events",
    count,
    rate: undefined,
    clock,
    tally,
    onFailure: () => {},
    stop: stop.signal,
  });
  return { clock, queue, stop, tally, published };
}

Deno.test("MemorySender puts every message on the queue and confirms it", async () => {
  const { clock, queue, tally, published } = world(250);
  await clock.advance(1_000);
  await published;
  deepStrictEqual([tally.published, tally.confirmed, queue.ready], [250, 250, 250]);
});

Deno.test("MemorySender.room() blocks the publisher until its messages are settled, not only taken", async () => {
  const { clock, queue, tally, published } = world(6_000);
  await clock.advance(10_000);
  strictEqual(tally.published < 3_200, true);
  const signal = new AbortController().signal;
  const deliveries = await queue.take(6_000, signal);
  await clock.advance(10_000);
  strictEqual(tally.published < 3_200, true);
  await queue.settle(deliveries.map((delivery) => ({ delivery, outcome: ack })));
  await clock.advance(10_000);
  await published;
  strictEqual(tally.confirmed, 6_000);
});

Deno.test("MemorySender.room() returns when it is stopped", async () => {
  const { clock, stop, tally, published } = world(1_000_000);
  await clock.advance(1_000);
  stop.abort();
  await published;
  strictEqual(tally.published, tally.confirmed);
});
