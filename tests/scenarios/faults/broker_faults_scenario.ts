/**
 * Faults of the broker: away, silent, out of memory, or rejecting a member. Restarts are in broker_lost_scenario.ts.
 */
import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues } from "../../harness/batch.ts";
import type { PrivateServers } from "../../harness/private_servers.ts";
import { sharedWorld } from "./shared_world.ts";

const test = sharedWorld();

/** @returns how many messages are in the queue, ready or unsettled */
async function heldIn(servers: PrivateServers, queue: string): Promise<number> {
  const listed = await servers.rabbitmqctl("-q", "list_queues", "name", "messages", "--formatter", "json");
  return JSON.parse(listed).find(({ name }: { name: string }) => name === queue).messages;
}

test("while the broker is out of memory, publishers wait and report it, and subscribers store and ack", async ({ world, batch, ledger, start }) => {
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE } = queues;
  const bad = 60;
  await world.withChannel(async (channel) => {
    for (let i = 0; i < bad; i++) {
      await batch.publish(50);
      channel.publish(EVENTS_EXCHANGE, "", Buffer.from([0xff, i]));
      await channel.checkQueue(EVENTS_QUEUE);
    }
  });
  await world.servers.rabbitmqctl("set_vm_memory_high_watermark", "0.00001");
  const written: string[] = [];
  const onLine = (line: string) => void written.push(line);
  const publisher = world.members.start("publisher", ["--count", "50"], world.env, { onLine });
  await world.members.untilLogged(publisher, "publisher.blocked");
  for (const id of ["one", "other"]) start(id, { BATCH_SIZE: "100" });
  await world.untilSettled(ledger, DEAD_LETTER_QUEUE);
  // Only the bad events are left, each unsettled until its dead letter is confirmed.
  await eventually("every ack", async () => await heldIn(world.servers, EVENTS_QUEUE) === bad || undefined);
  deepStrictEqual(written, [], "the publisher still waits");
  await world.servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4");
  strictEqual((await publisher.ended).code, 0);
  await publisher.read;
  match(written.join("\n"), /published 50, confirmed 50/);
  await eventually("the rest", async () => await world.rows() === 3_050 || undefined);
  await eventually("every letter", async () => await world.messagesIn(DEAD_LETTER_QUEUE) === bad || undefined);
  await eventually("their acks", async () => await heldIn(world.servers, EVENTS_QUEUE) === 0 || undefined);
});

test("members that start before the broker wait for it, report it, and then work", async ({ world, start }) => {
  await world.servers.stop("rabbitmq");
  const subscriber = start("early");
  const publisher = world.members.run("publisher", ["--count", "200"], world.env);
  await world.members.untilLogged(subscriber, "broker.unreachable");
  await world.servers.restart();
  await world.members.untilLogged(subscriber, "consumer.ready");
  const { code, stdout, stderr } = await publisher;
  strictEqual(code, 0, stderr);
  match(stdout, /published 200, confirmed 200/);
  match(stderr, /"event":"broker.unreachable"/);
  await eventually("all stored", async () => await world.rows() === 200 || undefined);
});

test("a subscriber that loses its connection for dead letters alone, and is refused on reconnect, reports it and continues when let in", async ({ world, start }) => {
  const rabbitmqctl = (...args: string[]) => world.servers.rabbitmqctl("-q", ...args);
  await rabbitmqctl("add_user", "subscriber", "first");
  await rabbitmqctl("set_permissions", "subscriber", ".*", ".*", ".*");
  const url = Object.assign(new URL(world.env["RABBITMQ_URL"]!), { username: "subscriber", password: "first" });
  const subscriber = start("one", { RABBITMQ_URL: url.href });
  await world.members.untilLogged(subscriber, "consumer.ready");
  const deadLetters = () =>
    eventually("its connection for dead letters", async () => {
      const connections = (await rabbitmqctl("list_connections", "pid", "client_properties")).split("\n");
      return connections.find((line) => line.includes("one dead letters"))?.split("\t")[0];
    });
  const first = await deadLetters();
  await rabbitmqctl("change_password", "subscriber", "second");
  await rabbitmqctl("close_connection", first, "for the test");
  await world.members.untilLogged(subscriber, "broker.refusing");
  await rabbitmqctl("change_password", "subscriber", "first");
  notStrictEqual(await deadLetters(), first);
});

test(
  "heartbeats detect a broker that falls silent, and members continue when it is back",
  async ({ world, batch, ledger, subscribers }) => {
    await batch.publish(500);
    world.servers.proxies.rabbitmq.poison({ kind: "black-hole" });
    const publishing = batch.publish(500);
    for (const subscriber of subscribers) await world.members.untilLogged(subscriber, "broker.unreachable");
    world.servers.proxies.rabbitmq.poison();
    await publishing;
    await checkAllStored(world, ledger, 1_000);
  },
  { subscribers: 2 },
);

test("a bad event that is larger than the broker still takes is moved by the broker, and the others are dead-lettered once", async ({ world, batch, start }) => {
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE } = queues;
  // Declares the queues.
  await batch.publish(1);
  await world.withChannel(async (channel) => {
    for (let i = 0; i <= 100; i++) {
      channel.publish(EVENTS_EXCHANGE, "", Buffer.from(i === 50 ? new Uint8Array(300_000).fill(0xff) : [0xff, i]));
    }
    await channel.checkQueue(EVENTS_QUEUE);
  });
  await limitMessages(world.servers, 100_000);
  const subscriber = start("one");
  await eventually("every letter", async () => await world.messagesIn(DEAD_LETTER_QUEUE) >= 101 || undefined);
  await eventually("every ack", async () => await heldIn(world.servers, EVENTS_QUEUE) === 0 || undefined);
  const reasons = (await world.deadLetters(DEAD_LETTER_QUEUE)).map(({ reason, body }) => `${reason} ${body.length}`);
  deepStrictEqual(
    [reasons.length, reasons.filter((each) => each !== "undecodable 2")],
    [101, ["rejected 300000"]],
  );
  const logged = (event: string) => subscriber.records.filter((record) => record["event"] === event).length;
  deepStrictEqual([logged("message.left_to_broker"), logged("message.not_accepted")], [1, 0]);
  await limitMessages(world.servers, 128 * 1024 ** 2);
});

/** RabbitMQ 3 reads the limit from its configuration for each channel. RabbitMQ 4 reads it once at its start. */
async function limitMessages(servers: PrivateServers, bytes: number): Promise<void> {
  const limit = `max_message_size, ${bytes}`;
  await servers.rabbitmqctl("eval", `application:set_env(rabbit, ${limit}), persistent_term:put(${limit}).`);
}
