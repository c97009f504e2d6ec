/** `deno task provision` */
import { closeConnection, openConnection } from "../../shared/rabbitmq/connection.ts";
import { ensureTopology, eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { otherShards } from "./other_shards.ts";
import { formerDelays, formerQueues, formerTopology, parseDelays, removeFormer } from "./former.ts";

await runCommand({
  name: "deno task provision",
  summary:
    "Declares the exchanges and queues in RabbitMQ, for members that run with TOPOLOGY=provisioned and may not declare\n" +
    "them. Existing queues and exchanges stay; one with other properties is reported and not changed. The events queue\n" +
    "of 0.1.0, which has the name of its exchange, is unbound, so that its consumers can empty it.",
  flags: {
    "former-delays": formerDelays,
    "remove-former": {
      help: "delete the unused queues and exchanges of 0.1.0 once the queues are empty (docs/upgrades.md)",
    },
    "remove-shards": {
      help: "delete the events queues beyond EVENTS_SHARDS that are empty (docs/scale.md)",
    },
  },
  settings: ["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "EVENTS_SHARDS", "DEAD_LETTER_QUEUE"],
  examples: [
    "deno task provision",
    "deno task provision --remove-former --former-delays 10000,60000",
  ],
}, async ({ config, flags }) => {
  const topology = eventTopology(config);
  const former = formerTopology(config, parseDelays(flags["former-delays"]));
  const said = topology.flatMap(({ name, bindings }) =>
    bindings.map(({ exchange }) => `The queue ${name} exists and is bound to the exchange ${exchange}.`)
  );
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
    const shards = await otherShards(connection, config, flags["remove-shards"]);
    said.push(...shards.said);
    done &&= shards.done;
  } catch (error) {
    throw await explainConnection(error, "RabbitMQ", config.RABBITMQ_URL);
  } finally {
    if (connection) await closeConnection(connection, clock);
  }
  console.log(said.join("\n"));
  return done ? 0 : 1;
});
