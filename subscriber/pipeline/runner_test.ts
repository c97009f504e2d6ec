import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Delivery, EventQueue } from "../../shared/rabbitmq/delivery.ts";
import type { Rates } from "../rates/rates.ts";
import { RatesTimeout } from "../rates/source.ts";
import { bet, deliveryOf, deposit, gameStart, someRates } from "../../tests/fixtures/deliveries.ts";
import { ratesLater, shuttingDown, World } from "../../tests/fixtures/subscriber_world.ts";
import { Stats } from "./stats.ts";

function ids(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ messageId }) => messageId);
}

Deno.test("Runner stores, reports and then acks deliveries", async () => {
  const world = new World();
  const deliveries = Array.from({ length: 25 }, () => deliveryOf(bet()));
  world.queue.publish(...deliveries);
  const running = world.start({
    report: (events) => {
      for (const { messageId } of events) {
        strictEqual(world.database.events.has(messageId), true, "reported before it was stored");
        strictEqual(world.queue.acked.includes(messageId), false, "acked before it was reported");
      }
      return Promise.resolve(void world.reported.push(...events));
    },
  });
  await world.pass(10);
  deepStrictEqual([...world.database.events.keys()].sort(), ids(deliveries).sort());
  strictEqual(world.reported.length, 25);
  strictEqual(world.queue.acked.length, 25);
  strictEqual(world.stats.stored, 25);
  await world.finish(running);
});

Deno.test("Runner dead-letters each event that needs rates when none arrive in time, and no other", async () => {
  const world = new World();
  const later = ratesLater();
  world.rates = later.rates;
  world.queue.publish(
    deliveryOf(bet()),
    deliveryOf(deposit()),
    deliveryOf(gameStart()),
    deliveryOf(bet({ currency: "ZZZ" })),
  );
  const running = world.start();
  await world.pass(10);
  strictEqual(world.queue.acked.length, 2, "events without conversion do not wait");
  deepStrictEqual(world.queue.dead.map(({ outcome }) => outcome.reason), ["unknown-currency"]);
  later.reject(new RatesTimeout("no rates within RATES_WAIT_MS=5000: the API is down"));
  await world.pass(10);
  deepStrictEqual(world.queue.dead.map(({ outcome }) => outcome.reason), ["unknown-currency", "rates-timeout"]);
  strictEqual(world.queue.dead[1]?.outcome.detail, "no rates within RATES_WAIT_MS=5000: the API is down");
  await world.finish(running);
});

Deno.test("Runner continues with events that need no rates, however many wait for some", async () => {
  const world = new World();
  const later = ratesLater();
  world.rates = later.rates;
  const running = world.start({ batchesInFlight: 1, batchSize: 1 });
  world.queue.publish(...Array.from({ length: 5 }, () => deliveryOf(bet())));
  await world.pass(10);
  world.queue.publish(deliveryOf(deposit()));
  await world.pass(10);
  strictEqual(world.queue.acked.length, 1);
  later.resolve(someRates);
  await world.pass(10);
  strictEqual(world.queue.acked.length, 6);
  await world.finish(running);
});

Deno.test("Runner holds its batches while the database is away, and dead-letters nothing", async () => {
  const world = new World();
  let away = true;
  world.database.beforeEach = () => {
    if (away) throw shuttingDown();
  };
  world.queue.publish(...Array.from({ length: 50 }, () => deliveryOf(bet())));
  const running = world.start();
  await world.pass(60_000);
  strictEqual(world.queue.unsettled, 20, "two batches of ten in hand, the rest with the broker");
  strictEqual(world.gate.problem, "the database system is shutting down");
  away = false;
  await world.pass(10_000);
  strictEqual(world.queue.acked.length, 50);
  strictEqual(world.queue.dead.length, 0);
  strictEqual(world.gate.problem, undefined);
  await world.finish(running);
});

Deno.test("Runner requests rates again after it has held a batch", async () => {
  const world = new World();
  let current: Rates | undefined = someRates;
  const asked: number[] = [];
  const fresh = { ...someRates, asOfMs: someRates.asOfMs + 1 };
  world.rates = { current: () => current, get: () => (asked.push(1), Promise.resolve(fresh)) };
  let failures = 1;
  world.database.beforeEach = (access) => {
    if (access === "save" && failures-- > 0) {
      current = undefined;
      throw Object.assign(new Error("deadlock detected"), { code: "40P01" });
    }
  };
  world.queue.publish(deliveryOf(bet()));
  const running = world.start();
  await world.pass(1_000);
  strictEqual(asked.length, 1);
  strictEqual([...world.database.events.values()][0]?.price?.rate?.asOfMs, fresh.asOfMs);
  await world.finish(running);
});

Deno.test("Runner keeps its gate closed while the database is silent and rates expire and return", async () => {
  const world = new World();
  const { clock } = world;
  let freshUntil = 10_000;
  world.rates = {
    current: () => clock.monotonic() < freshUntil ? someRates : undefined,
    async get() {
      await clock.sleep(2_000);
      freshUntil = clock.monotonic() + 10_000;
      return someRates;
    },
  };
  world.database.beforeEach = async () => {
    await clock.sleep(5_000);
    throw new Error("no answer within 5000 ms");
  };
  world.queue.publish(...[1, 2, 3].map(() => deliveryOf(bet())));
  const running = world.start();
  await world.pass(6_000);
  for (let second = 0; second < 60; second++) {
    await world.pass(1_000);
    strictEqual(world.gate.problem, "no answer within 5000 ms");
  }
  world.database.beforeEach = () => {};
  await world.pass(30_000);
  deepStrictEqual([world.gate.isOpen, world.queue.acked.length], [true, 3]);
  await world.finish(running);
});

Deno.test("Runner opens its gate when a held event is dead-lettered or fails, because nothing else would", async () => {
  for (const error of [new RatesTimeout("none in time"), new Error("a fault of ours")]) {
    const world = new World();
    let current: Rates | undefined = someRates;
    world.rates = { current: () => current, get: () => world.clock.sleep(1_000).then(() => Promise.reject(error)) };
    world.database.beforeEach = () => {
      current = undefined;
      throw shuttingDown();
    };
    world.queue.publish(deliveryOf(bet()));
    const running = world.start();
    await world.pass(1_000);
    strictEqual(world.gate.isOpen, false);
    await world.pass(1_000);
    strictEqual(world.gate.isOpen, true);
    await world.abandonNow(running);
  }
});

Deno.test("Runner dead-letters no event with an expired wait once it has met rates, but requests new ones", async () => {
  const world = new World();
  let current: Rates | undefined;
  const answers = [() => Promise.reject(new RatesTimeout("none in time")), () => Promise.resolve(someRates)];
  world.rates = { current: () => current, get: () => answers.shift()!() };
  world.database.beforeEach = async (access) => {
    if (access !== "save") return;
    // Rates come while the deposit is stored, after the bet's wait timed out. They are gone once the bet has been held.
    if (current) {
      current = undefined;
      throw shuttingDown();
    }
    await world.clock.sleep(1_000);
    current ??= answers.length === 1 ? someRates : undefined;
  };
  const deliveries = [deliveryOf(bet()), deliveryOf(deposit())];
  world.queue.publish(...deliveries);
  const running = world.start({ batchesInFlight: 1, batchSize: 1 });
  await world.pass(10_000);
  deepStrictEqual([answers.length, world.queue.dead, world.queue.acked.length], [0, [], 2]);
  await world.finish(running);
});

Deno.test("Runner stores the neighbours of a rejected row although their rates expire", async () => {
  const world = new World();
  let asked = 0;
  world.rates = { current: () => undefined, get: () => (asked++, Promise.resolve(someRates)) };
  const deliveries = Array.from({ length: 8 }, () => deliveryOf(bet()));
  world.database.beforeEach = async (access, events) => {
    if (access !== "save") return;
    await world.clock.sleep(1_000);
    if (!events.some(({ messageId }) => messageId === deliveries[5]!.messageId)) return;
    throw Object.assign(new Error("bigint out of range"), { code: "22003" });
  };
  world.queue.publish(...deliveries);
  const running = world.start();
  await world.pass(20_000);
  deepStrictEqual([asked, world.queue.acked.length], [1, 7]);
  deepStrictEqual(world.queue.dead.map(({ outcome }) => outcome.reason), ["store-rejected"]);
  await world.finish(running);
});

Deno.test("Runner stores events that need no rates while others wait for new ones after an outage", async () => {
  const world = new World();
  const [first, second] = [ratesLater(), ratesLater()];
  const answers = [first, second];
  world.rates = { current: () => undefined, get: () => answers.shift()!.rates.get() };
  let away = true;
  world.database.beforeEach = () => {
    if (away) throw shuttingDown();
  };
  const running = world.start({ batchesInFlight: 1, batchSize: 1 });
  const [waiting, held, next] = [deliveryOf(bet()), deliveryOf(deposit()), deliveryOf(deposit())];
  world.queue.publish(waiting, held);
  await world.pass(100);
  // The rates come, and the bet waits for the permit that the deposit holds.
  first.resolve(someRates);
  await world.pass(60_000);
  away = false;
  world.queue.publish(next);
  await world.pass(10_000);
  deepStrictEqual([answers.length, world.queue.acked], [0, ids([held, next])]);
  second.resolve(someRates);
  await world.pass(10);
  deepStrictEqual(world.queue.acked, ids([held, next, waiting]));
  await world.finish(running);
});

Deno.test("Runner measures an event's latency until its commit, not until its report is read", async () => {
  const world = new World();
  const latencies: number[] = [];
  const stats = new Stats({ stage() {}, batch() {}, latency: (ms) => void latencies.push(ms) });
  world.queue.publish({ ...deliveryOf(deposit()), timestampMs: world.clock.now() });
  world.database.beforeEach = (access) => access === "save" ? world.clock.sleep(20) : undefined;
  const running = world.start({ stats, report: () => world.clock.sleep(700) });
  await world.pass(1_000);
  deepStrictEqual([latencies, world.queue.acked.length], [[20], 1]);
  await world.finish(running);
});

Deno.test("Runner continues while the broker takes no dead letters, and sends them when it does", async () => {
  const world = new World();
  const room = Promise.withResolvers<void>();
  const waiting: number[] = [];
  const queue: EventQueue = {
    take: (limit, signal) => world.queue.take(limit, signal),
    settle: async (settlements) => {
      if (settlements.some(({ outcome }) => outcome.kind === "dead")) waiting.push(settlements.length);
      await world.queue.settle(settlements.filter(({ outcome }) => outcome.kind !== "dead"));
      await room.promise;
      await world.queue.settle(settlements.filter(({ outcome }) => outcome.kind === "dead"));
    },
  };
  const running = world.start({ queue, batchSize: 2 });
  for (let i = 0; i < 10; i++) world.queue.publish(deliveryOf(new Uint8Array([0xff])), deliveryOf(deposit()));
  await world.pass(600_000);
  deepStrictEqual([world.queue.acked.length, world.queue.dead.length], [10, 0]);
  deepStrictEqual(waiting, Array(10).fill(1), "without the rest of its batch, which would stay in memory as long");
  room.resolve();
  await world.pass();
  strictEqual(world.queue.dead.length, 10);
  await world.finish(running);
});

Deno.test("Runner respects its limit of batches in flight", async () => {
  const world = new World();
  let inFlight = 0;
  let most = 0;
  world.database.beforeEach = async (access) => {
    if (access !== "save") return;
    most = Math.max(most, ++inFlight);
    await world.clock.sleep(10);
    inFlight--;
  };
  world.queue.publish(...Array.from({ length: 200 }, () => deliveryOf(bet())));
  const running = world.start({ batchesInFlight: 3 });
  await world.pass(1_000);
  strictEqual(most, 3);
  strictEqual(world.queue.acked.length, 200);
  await world.finish(running);
});
Deno.test("Runner requeues a batch that fails unexpectedly, until the delivery limit", async () => {
  const world = new World();
  const fails = (times: number) => () => times-- > 0 ? Promise.reject(new Error("a fault of ours")) : undefined;
  const [reporting, waiting] = [fails(3), fails(2)];
  const rates = { current: () => undefined, get: async () => await waiting() ?? someRates };
  world.queue.publish(deliveryOf(bet()));
  const running = world.start({ rates, report: async () => await reporting() });
  await world.pass(100);
  deepStrictEqual([world.queue.acked.length, world.stats.failures, world.database.events.size], [1, 5, 1]);
  const errors = world.log.entries.filter(({ level }) => level === "error");
  deepStrictEqual(errors.map(({ fields }) => fields["event"]), Array(5).fill("batch.failed"));
  await world.finish(running);
});
