/** A publisher in another language that shares no code with us. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { project, withWorld, type World } from "./harness/world.ts";

async function publishFromPython(world: World, ...args: string[]): Promise<void> {
  const script = join(project, "e2e/foreign/publish_events.py");
  const command = new Deno.Command("/usr/bin/python3", {
    args: [script, world.env["RABBITMQ_URL"]!, world.events, ...args],
  });
  const { success, stderr } = await command.output();
  if (!success) {
    throw new Error(
      `publish_events.py failed. It needs the system's packages python3-pika and python3-protobuf ` +
        `(apt-get install python3-pika python3-protobuf). It said:\n${new TextDecoder().decode(stderr)}`,
    );
  }
}

Deno.test("events that python3-pika and python3-protobuf publish are stored, once, with or without a message id", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await world.startSubscriber("subscriber");
    await publishFromPython(world, "with-id");
    await publishFromPython(world, "without-id");
    await world.untilSettled(8);
    await publishFromPython(world, "with-id");
    await publishFromPython(world, "without-id");
    // The queue is shared by turns: what comes after them is stored after them.
    await world.publish("--count", "1");
    await world.untilSettled(9);
    strictEqual(await world.rows(), 9);
    const rows = await world.sql`select type, amount, currency, has_won, amount_eur, created_at from events
      where player_id = 11 and event_id = 9007199254740993 order by type`;
    deepStrictEqual(Array.from(rows.slice(0, 1), (row) => ({ ...row })), [{
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
