/** `deno task provision` */
import { closeConnection, openConnection } from "../../shared/rabbitmq/connection.ts";
import { ensureTopology, eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { explainConnection } from "../../shared/runtime/errors.ts";

await runCommand({
  name: "deno task provision",
  summary:
    "Declares the exchanges and queues in RabbitMQ, for members that run with TOPOLOGY=check and may not do so.\n" +
    "What is there already stays; what is there with other properties is named, and left.",
  flags: {},
  settings: ["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE", "RETRY_DELAYS_MS"],
  examples: ["deno task provision", "RETRY_DELAYS_MS=1000,60000 deno task provision"],
}, async ({ config }) => {
  const topology = eventTopology(config);
  let connection;
  try {
    connection = await openConnection({ url: config.RABBITMQ_URL, name: "casino provision" });
    // An error of the connection fails the calls on it, too.
    connection.on("error", () => {});
    await ensureTopology(connection, topology);
  } catch (error) {
    throw explainConnection(error, "RabbitMQ", config.RABBITMQ_URL);
  } finally {
    if (connection) await closeConnection(connection, clock);
  }
  for (const { name, exchange } of topology) {
    console.log(`The queue ${name} is there, fed by the exchange ${exchange}.`);
  }
  return 0;
});
