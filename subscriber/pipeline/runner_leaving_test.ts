import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import type { Rates } from "../rates/rates.ts";
import { RatesTimeout } from "../rates/source.ts";
import { ratesLater, World } from "../../tests/fixtures/subscriber_world.ts";
import { bet, deliveryOf, deposit, someRates } from "../../tests/fixtures/deliveries.ts";

Deno.test("Runner leaves when its time is over though nobody reads its reports, and what it stored comes again", async () => {
  const world = new World();
  world.queue.publish(deliveryOf(bet()));
  const running = world.start({ report: () => new Promise(() => {}) });
  await world.pass(100);
  strictEqual(world.database.events.size, 1);
  await world.abandonNow(running);
  deepStrictEqual([world.queue.ready, world.queue.acked.length, world.stats.failures], [1, 0, 0]);
  deepStrictEqual([world.stats.stored, world.stats.requeued], [0, 1]);
});

Deno.test("Runner reports and acks what is committed as its time ends, to a world that listens", async () => {
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

Deno.test("Runner leaves when its time is over though the database is silent", async () => {
  const world = new World();
  world.database.beforeEach = () => new Promise(() => {});
  world.queue.publish(deliveryOf(deposit()));
  const running = world.start();
  await world.pass(100);
  await world.abandonNow(running);
  deepStrictEqual([world.queue.ready, world.queue.acked.length, world.stats.failures], [1, 0, 0]);
});

Deno.test("Runner leaves when its time is over though events of its own wait for rates, and asks for none again", async () => {
  const world = new World();
  let asked = 0;
  const get = async (): Promise<Rates> => {
    if (asked++ > 10) throw new RatesTimeout("asked again and again");
    await world.clock.sleep(3_600_000, world.abandon.signal);
    return someRates;
  };
  world.rates = { current: () => undefined, get };
  world.queue.publish(deliveryOf(bet()));
  const running = world.start();
  await world.pass(100);
  await world.abandonNow(running);
  deepStrictEqual([asked, world.queue.ready, world.queue.dead.length, world.stats.failures], [1, 1, 0, 0]);
});

Deno.test("Runner finishes what it has in hand when it is stopped, and takes nothing more", async () => {
  const world = new World();
  const later = ratesLater();
  world.rates = later.rates;
  world.queue.publish(deliveryOf(bet()));
  const running = world.start();
  await world.pass(10);
  world.stop.abort();
  world.queue.publish(deliveryOf(bet()));
  await world.pass(10);
  strictEqual(world.queue.acked.length, 0);
  later.resolve(someRates);
  await world.pass(10);
  await running;
  strictEqual(world.queue.acked.length, 1);
  strictEqual(world.queue.ready, 1);
});

Deno.test("Runner leaves only once its dead letters are where they belong", async () => {
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

Deno.test("Runner requeues what is unfinished when its time is over", async () => {
  const world = new World();
  world.database.beforeEach = () => Promise.reject(new Error("away"));
  const deliveries = [deliveryOf(bet()), deliveryOf(new Uint8Array([0xff]))];
  world.queue.publish(...deliveries);
  const running = world.start();
  await world.pass(100);
  await world.abandonNow(running);
  strictEqual(world.queue.ready, 2);
  strictEqual(world.queue.unsettled, 0);
  strictEqual(world.stats.requeued, 2);
});
