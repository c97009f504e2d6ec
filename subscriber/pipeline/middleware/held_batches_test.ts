import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { World as SubscriberWorld } from "../../../tests/fixtures/subscriber_world.ts";
import { shuttingDown } from "../../../tests/fixtures/subscriber_world.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { HeldBatches } from "./held_batches.ts";

Deno.test("a batch is held from its first failed attempt until the database accepts it, also while others are stored", async () => {
  const world = new SubscriberWorld();
  const heldBatches = new HeldBatches(world.clock);
  let away = true;
  const store = {
    save: (events: Parameters<typeof world.database.save>[0]) =>
      away && events.some(({ event }) => event.id === 1n)
        ? Promise.reject(shuttingDown())
        : world.database.save(events),
    dryRun: (events: Parameters<typeof world.database.save>[0]) => world.database.dryRun(events),
  };
  const running = world.start({ store, heldBatches, batchSize: 1 });
  world.queue.publish(deliveryOf(bet({ id: 1n })));
  await world.pass(10);
  const { oldest } = heldBatches;
  deepStrictEqual([oldest?.events, oldest?.problem], [1, "the database system is shutting down"]);
  world.queue.publish(deliveryOf(bet({ id: 2n })));
  await world.pass(1);
  strictEqual(world.database.events.size, 1);
  await world.pass(9_000);
  strictEqual(heldBatches.oldest?.since, oldest?.since);
  away = false;
  await world.pass(10_000);
  strictEqual(heldBatches.oldest, undefined);
  await world.finish(running);
});

Deno.test("a batch that the schema refuses is held from its first failed attempt until the schema is repaired", async () => {
  const world = new SubscriberWorld();
  const heldBatches = new HeldBatches(world.clock);
  let broken = true;
  const refuse = () => Promise.reject(Object.assign(new Error("no partition of relation"), { code: "23514" }));
  const store = {
    save: (events: Parameters<typeof world.database.save>[0]) => broken ? refuse() : world.database.save(events),
    dryRun: (events: Parameters<typeof world.database.save>[0]) => broken ? refuse() : world.database.dryRun(events),
  };
  const running = world.start({ store, heldBatches });
  world.queue.publish(deliveryOf(bet({ id: 1n })), deliveryOf(bet({ id: 2n })));
  await world.pass(1_000);
  deepStrictEqual(
    [heldBatches.oldest?.events, heldBatches.oldest?.problem],
    [2, "no partition of relation; create the partition that is missing"],
  );
  broken = false;
  await world.pass(10_000);
  deepStrictEqual([heldBatches.oldest, world.database.events.size], [undefined, 2]);
  await world.finish(running);
});

Deno.test("a batch with a report nobody reads is held after 10 s", async () => {
  const world = new SubscriberWorld();
  const heldBatches = new HeldBatches(world.clock);
  const read = Promise.withResolvers<void>();
  const running = world.start({ report: () => read.promise, heldBatches });
  world.queue.publish(deliveryOf(bet()));
  await world.pass(9_000);
  strictEqual(heldBatches.oldest, undefined);
  await world.pass(1_000);
  deepStrictEqual(heldBatches.oldest, {
    events: 1,
    since: 0,
    problem: "the database has neither stored nor rejected the batch",
  });
  read.resolve();
  await world.pass(1);
  strictEqual(heldBatches.oldest, undefined);
  await world.finish(running);
});
