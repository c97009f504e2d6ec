import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { bet, deliveryOf, someRates } from "../../tests/fixtures/deliveries.ts";
import { ratesLater, World } from "../../tests/fixtures/subscriber_world.ts";

const never = () => new Promise<never>(() => {});

const obstacles: [string, (world: World) => Parameters<World["start"]>[0]][] = [
  ["though nobody reads its reports", () => ({ report: never })],
  ["though the database is silent", (world) => void (world.database.beforeEach = never)],
  ["though the database is away", (world) => {
    world.database.beforeEach = () => Promise.reject(new Error("away"));
    return {};
  }],
  ["though an event waits for rates, and asks for none again", (world) => {
    let asked = 0;
    const get = async () => {
      strictEqual(++asked, 1);
      await world.clock.sleep(3_600_000, world.abandon.signal);
      return someRates;
    };
    return { rates: { current: () => undefined, get } };
  }],
];
for (const [obstacle, arrange] of obstacles) {
  Deno.test(`Runner shuts down at its deadline ${obstacle}, and requeues the events in hand`, async () => {
    const world = new World();
    world.queue.publish(deliveryOf(bet()));
    const running = world.start(arrange(world));
    await world.pass(100);
    await world.abandonNow(running);
    deepStrictEqual([world.queue.ready, world.queue.unsettled, world.queue.acked, world.queue.dead], [1, 0, [], []]);
    deepStrictEqual([world.stats.stored, world.stats.requeued, world.stats.failures], [0, 1, 0]);
  });
}

Deno.test("Runner reports and acks a batch that commits at its deadline", async () => {
  const world = new World();
  world.queue.publish(deliveryOf(bet()));
  world.database.beforeEach = (access) => {
    if (access === "save") world.abandon.abort(new Error("SHUTDOWN_GRACE_MS is over"));
  };
  const running = world.start({
    report: async (events) => {
      await world.clock.sleep(100);
      world.reported.push(...events);
    },
  });
  await world.pass(1_000);
  deepStrictEqual([world.reported.length, world.queue.acked.length, world.stats.stored], [1, 1, 1]);
  await world.finish(running);
});

Deno.test("Runner finishes the events in hand when it is stopped, and takes no more", async () => {
  const world = new World();
  const later = ratesLater();
  world.queue.publish(deliveryOf(bet()));
  const running = world.start({ rates: later.rates });
  await world.pass(10);
  world.stop.abort();
  world.queue.publish(deliveryOf(bet()));
  await world.pass(10);
  strictEqual(world.queue.acked.length, 0);
  later.resolve(someRates);
  await world.pass(10);
  await running;
  deepStrictEqual([world.queue.acked.length, world.queue.ready], [1, 1]);
});

Deno.test("Runner shuts down only after its dead letters are confirmed", async () => {
  const world = new World();
  const room = Promise.withResolvers<void>();
  const queue: EventQueue = {
    take: (limit, signal) => world.queue.take(limit, signal),
    settle: (settlements) => room.promise.then(() => world.queue.settle(settlements)),
  };
  world.queue.publish(deliveryOf(new Uint8Array([0xff])));
  const running = world.start({ queue });
  let left = false;
  running.then(() => left = true);
  await world.pass(10);
  world.stop.abort();
  await world.pass(10);
  strictEqual(left, false);
  room.resolve();
  await world.finish(running);
  strictEqual(world.queue.dead.length, 1);
});
