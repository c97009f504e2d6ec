import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { deliveryOf, gameStart } from "../../tests/fixtures/deliveries.ts";
import { World } from "../../tests/fixtures/subscriber_world.ts";
import type { Store } from "./edges.ts";

Deno.test("Runner continues with other events while two poison messages are in doubt and no probe is accepted", async () => {
  const world = new World();
  const { database } = world;
  const foreignKey = Object.assign(new Error("violates foreign key constraint"), { code: "23503" });
  const refusedAlike = (events: Parameters<Store["save"]>[0]) => events.some(({ event }) => event.playerId >= 900n);
  const store: Store = {
    save: (events) => refusedAlike(events) ? Promise.reject(foreignKey) : database.save(events),
    dryRun: () => Promise.reject(foreignKey),
  };
  const running = world.start({ store, batchSize: 1 });
  world.queue.publish(
    deliveryOf(gameStart({ id: 1n, playerId: 999n })),
    deliveryOf(gameStart({ id: 2n, playerId: 998n })),
  );
  await world.pass(1_000);
  strictEqual(database.events.size, 0);
  for (let id = 3n; id < 23n; id++) {
    world.queue.publish(deliveryOf(gameStart({ id, playerId: 11n })));
    await world.pass(1_500);
  }
  strictEqual(database.events.size, 20);
  deepStrictEqual(world.queue.dead.map(({ outcome }) => outcome.reason), ["store-rejected", "store-rejected"]);
  await world.finish(running);
});
