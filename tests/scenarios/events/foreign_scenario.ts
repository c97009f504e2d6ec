/** A publisher in another language, which shares no code with the project. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { deadLetterExchangeOf } from "../../../shared/rabbitmq/topology.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { withWorld, type World } from "../../harness/world.ts";
import { hasLogged } from "../../../tools/demo/members.ts";
import { runPython } from "./run_python.ts";

async function publishFromPython(world: World, ids: "with-id" | "without-id"): Promise<void> {
  await runPython("publish_events.py", world.env["RABBITMQ_URL"]!, world.events, ids);
}

Deno.test("events from python3-pika and python3-protobuf are stored once, with or without a message id", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await world.startSubscriber("subscriber");
    await publishFromPython(world, "with-id");
    await publishFromPython(world, "without-id");
    await world.untilSettled(8);
    await publishFromPython(world, "with-id");
    await publishFromPython(world, "without-id");
    // With one subscriber, a later event is stored later.
    await world.publish("--count", "1");
    await world.untilSettled(9);
    strictEqual(await world.rows(), 9);
    const rows = await world.sql.query(`select type, amount, currency, has_won, amount_eur, created_at from events
      where player_id = 11 and event_id = 9007199254740993 order by type`);
    deepStrictEqual(rows.slice(0, 1), [{
      type: "bet",
      amount: "500",
      currency: "USD",
      has_won: true,
      amount_eur: "467",
      created_at: new Date("2022-02-02T23:45:00.250Z"),
    }]);
    strictEqual(rows.length, 2);
  });
});

Deno.test("headers nested beyond V8's own stack harm no other event, and their dead letter can be handled", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("subscriber");
    const publishNested = (exchange: string, kind: "tables" | "arrays", body: Uint8Array) =>
      runPython("publish_nested.py", world.env["RABBITMQ_URL"]!, exchange, kind, "12000", body.toHex());
    for (const [i, kind] of (["tables", "arrays"] as const).entries()) {
      await world.publish("--count", "10");
      await publishNested(world.events, kind, encodeEvent(bet({ id: BigInt(1 + i) })));
      await publishNested(world.events, kind, encodeEvent(bet({ currency: "ZZZ" })));
      await world.publish("--count", "10");
      // The broker leaves the message like this when a subscriber crashes on it.
      await publishNested(deadLetterExchangeOf(world.dead), kind, encodeEvent(bet({ id: BigInt(11 + i) })));
    }
    await world.untilSettled(42, 4);
    strictEqual(hasLogged(subscriber, "broker.unreachable"), false);
    await eventually("all letters in the table", async () => {
      const [counts] = (await world.tryRunning("dead", ["list"])).stdout.trim().split("\n").slice(-1);
      return counts?.split(", ").sort().join() === "unknown-currency: 2,unknown: 2" || undefined;
    });
    match(await world.replay("--reason", "unknown"), /^replayed: 2$/m);
    await world.untilSettled(44, 2);
    // This process has Deno's default stack size, with which dead letters must be readable.
    deepStrictEqual((await world.deadLetters()).map(({ reason }) => reason), ["unknown-currency", "unknown-currency"]);
  });
});
