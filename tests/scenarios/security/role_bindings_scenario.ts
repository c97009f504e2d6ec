/**
 * No role but casino-provision can bind. RabbitMQ lets a user who may write to a queue or exchange, and read an
 * exchange, bind the two; only their names count.
 */
import { deepStrictEqual, match } from "node:assert/strict";
import type { Channel, ChannelModel } from "amqplib";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { eventTopology, exchangesOf } from "../../../shared/rabbitmq/topology.ts";
import { readConfig } from "../../../shared/runtime/configuration/config.ts";
import { Members } from "../../../tools/demo/members.ts";
import { PrivateServers } from "../../harness/private_servers.ts";
import { declareFormer } from "../../servers/former_topology.ts";
import { asRole, makeRoles } from "../../harness/roles.ts";
import { project } from "../../harness/world.ts";

const delays = ["--former-delays", "300"];
const topology = eventTopology(readConfig(["EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"], () => undefined));
const builtIn = ["amq.direct", "amq.fanout", "amq.topic", "amq.headers"];

Deno.test("with the default names, no role of a member or operator can bind or unbind anything", async () => {
  await using servers = await PrivateServers.start();
  const { RABBITMQ_URL } = servers.direct;
  const provision = { RABBITMQ_URL: asRole(RABBITMQ_URL, "provision") };
  const members = new Members(project);

  // Remove what 0.1.0 left first: names of that version could be bound.
  const admin = await openConnection({ url: RABBITMQ_URL, name: "test" });
  await declareFormer(await admin.createChannel(), "casino.events", 300);
  await makeRoles(servers, {}, `--former ${delays.join(" ")}`);
  match(
    await members.runToEnd("provision", delays, provision),
    /queue casino\.events of an earlier version still exists/,
  );
  const removed = await members.runToEnd("provision", ["--remove-former", ...delays], provision);
  deepStrictEqual(removed.match(/Deleted the empty queue casino\.events\S* of an earlier version/g)?.length, 2);
  deepStrictEqual(await namesIn(servers), topology.map(({ name }) => name).sort());
  await admin.close();
  await makeRoles(servers, {});

  const bindings = () => servers.checkout.rabbitmqctl("-q", "list_bindings");
  const before = await bindings();
  const queues = topology.map(({ name }) => name);
  const exchanges = [...exchangesOf(topology), ...builtIn];
  const allowed: string[] = [];
  for (const role of ["publisher", "subscriber", "dead-letters"] as const) {
    const connection = await openConnection({ url: asRole(RABBITMQ_URL, role), name: "test" });
    const attempt = async (what: string, act: (channel: Channel) => Promise<unknown>) => {
      if (await codeOf(connection, act) !== 403) allowed.push(`${role} ${what}`);
    };
    for (const source of exchanges) {
      for (const queue of queues) {
        await attempt(`binds queue ${queue} to ${source}`, (channel) => channel.bindQueue(queue, source, ""));
        await attempt(`unbinds queue ${queue} from ${source}`, (channel) => channel.unbindQueue(queue, source, ""));
      }
      for (const target of exchanges.filter((name) => name !== source)) {
        await attempt(`binds exchange ${target} to ${source}`, (channel) => channel.bindExchange(target, source, ""));
      }
    }
    await connection.close();
  }
  deepStrictEqual(allowed, []);
  deepStrictEqual(await bindings(), before);
});

async function namesIn(servers: PrivateServers): Promise<string[]> {
  return (await servers.checkout.rabbitmqctl("-q", "--no-table-headers", "list_queues", "name")).trim().split("\n")
    .sort();
}

/** @returns the code with which the broker closes the channel; `undefined` when it accepts the operation */
async function codeOf(
  connection: ChannelModel,
  act: (channel: Channel) => Promise<unknown>,
): Promise<number | undefined> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    await act(channel);
    await channel.close();
    return undefined;
  } catch (error) {
    return (error as { code?: number }).code;
  }
}
