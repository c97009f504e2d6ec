/** What the broker may do to us: be away, fall silent, refuse us, run out of memory. That it restarts: broker_lost_scenario.ts. */
import { match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues, withBatch } from "../../harness/batch.ts";
import { PrivateWorld } from "../../harness/private_world.ts";

/** @returns how many messages the queue holds, those in a subscriber's hands among them */
async function heldIn(world: PrivateWorld, queue: string): Promise<number> {
  const listed = await world.servers.rabbitmqctl("-q", "list_queues", "name", "messages", "--formatter", "json");
  return JSON.parse(listed).find(({ name }: { name: string }) => name === queue).messages;
}

Deno.test("while the broker is out of memory publishers wait and say so, and subscribers go on: they store and ack", async () => {
  await withBatch(
    async (world, batch, ledger) => {
      const bad = 60;
      await world.withChannel(async (channel) => {
        for (let i = 0; i < bad; i++) {
          await batch.publish(50);
          channel.publish(queues.EVENTS_EXCHANGE, "", Buffer.from([0xff, i]));
          await channel.checkQueue(queues.EVENTS_QUEUE);
        }
      });
      await world.servers.rabbitmqctl("set_vm_memory_high_watermark", "0.00001");
      const publisher = world.members.run("publisher", ["--count", "50"], world.env);
      const held = await Promise.race([
        publisher.then(() => "published"),
        new Promise((r) => setTimeout(r, 3_000, "held")),
      ]);
      strictEqual(held, "held");
      for (const id of ["one", "other"]) world.startSubscriber(id, {}, { onLine: (line) => ledger.report(line) });
      await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
      // The bad ones alone wait, each in hand until its dead letter is confirmed.
      await eventually("every ack", async () => await heldIn(world, queues.EVENTS_QUEUE) === bad || undefined);
      await world.servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4");
      const { code, stdout, stderr } = await publisher;
      strictEqual(code, 0, stderr);
      match(stdout, /published 50, confirmed 50/);
      match(stderr, /The broker blocks publishing; waiting/);
      await eventually("the rest", async () => await world.rows() === 3_050 || undefined);
      await eventually(
        "every letter",
        async () => await world.messagesIn(queues.DEAD_LETTER_QUEUE) === bad || undefined,
      );
      await eventually("their acks", async () => await heldIn(world, queues.EVENTS_QUEUE) === 0 || undefined);
    },
    0,
    { BATCH_SIZE: "100" },
  );
});

Deno.test("members that start before the broker wait for it and say so, and then work", async () => {
  await using world = await PrivateWorld.start();
  await world.startRatesApi();
  await world.servers.stop("rabbitmq");
  const subscriber = world.startSubscriber("early");
  const publisher = world.members.run("publisher", ["--count", "200"], world.env);
  await world.members.untilLogged(subscriber, "No connection to the broker, trying again");
  await world.servers.restart();
  await world.members.untilLogged(subscriber, "Consuming");
  const { code, stdout, stderr } = await publisher;
  strictEqual(code, 0, stderr);
  match(stdout, /published 200, confirmed 200/);
  match(stderr, /No connection to the broker, trying again/);
  await eventually("all stored", async () => await world.rows() === 200 || undefined);
});

Deno.test("a subscriber whose connection for dead letters alone is lost, and refused when it comes back, says so and exits with 1", async () => {
  await using world = await PrivateWorld.start();
  await world.startRatesApi();
  const rabbitmqctl = (...args: string[]) => world.servers.rabbitmqctl("-q", ...args);
  await rabbitmqctl("add_user", "subscriber", "first");
  await rabbitmqctl("set_permissions", "subscriber", ".*", ".*", ".*");
  const url = Object.assign(new URL(world.env["RABBITMQ_URL"]!), { username: "subscriber", password: "first" });
  const subscriber = world.startSubscriber("one", { RABBITMQ_URL: url.href });
  await world.members.untilLogged(subscriber, "Consuming");
  const deadLetters = await eventually("its connection for dead letters", async () => {
    const connections = (await rabbitmqctl("list_connections", "pid", "client_properties")).split("\n");
    return connections.find((line) => line.includes("one dead letters"))?.split("\t")[0];
  });
  await rabbitmqctl("change_password", "subscriber", "second");
  await rabbitmqctl("close_connection", deadLetters, "for the test");
  await world.members.untilLogged(subscriber, "Left");
  strictEqual((await subscriber.ended).code, 1);
  strictEqual(subscriber.messages.includes("The broker refuses us; leaving"), true);
});

Deno.test("a broker that falls silent is found lost by its heartbeats, and work goes on when it is back", async () => {
  await withBatch(async (world, batch, ledger) => {
    await batch.publish(500);
    world.servers.proxies.rabbitmq.poison({ kind: "black-hole" });
    const publishing = batch.publish(500);
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    world.servers.proxies.rabbitmq.poison();
    await publishing;
    await checkAllStored(world, ledger, 1_000);
  });
});
