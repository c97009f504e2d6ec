/** `deno task provision` */
import { closeConnection, openConnection } from "../../shared/rabbitmq/connection.ts";
import { ensureTopology, eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { formerDelays, formerQueues, formerTopology, parseDelays, removeFormer } from "./former.ts";

await runCommand({
  name: "deno task provision",
  summary:
    "Declares the exchanges and queues in RabbitMQ, for members that run with TOPOLOGY=provisioned and may not do so.\n" +
    "What is there already stays; what is there with other properties is named, and left. The events queue of 0.1.0,\n" +
    "which was named as its exchange, is unbound: its consumers empty it.",
  flags: {
    "former-delays": formerDelays,
    "remove-former": {
      help: "delete what 0.1.0 declared and nothing uses any more, once it is empty (docs/upgrades.md)",
    },
  },
  settings: ["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"],
  examples: [
    "deno task provision",
    "deno task provision --remove-former --former-delays 10000,60000",
  ],
}, async ({ config, flags }) => {
  const topology = eventTopology(config);
  const former = formerTopology(config, parseDelays(flags["former-delays"]));
  const said = topology.map(({ name, exchange }) => `The queue ${name} is there, fed by the exchange ${exchange}.`);
  let done = true;
  let connection;
  try {
    connection = await openConnection({ url: config.RABBITMQ_URL, name: "casino provision" });
    // An error of the connection also fails the calls on it.
    connection.on("error", () => {});
    await ensureTopology(connection, topology);
    if (flags["remove-former"]) {
      const removed = await removeFormer(connection, former);
      said.push(...removed.said);
      done = removed.done;
    } else {
      said.push(...await formerQueues(connection, former));
    }
  } catch (error) {
    throw await explainConnection(error, "RabbitMQ", config.RABBITMQ_URL);
  } finally {
    if (connection) await closeConnection(connection, clock);
  }
  console.log(said.join("\n"));
  return done ? 0 : 1;
});
