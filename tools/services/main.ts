/** `deno task up` and `deno task down`. */
import { join } from "node:path";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { down, up } from "./up_and_down.ts";

await runCommand({
  name: "deno task up|down",
  summary:
    "up: makes RabbitMQ, Redis and Postgres available at the configured addresses. Uses servers that already answer\n" +
    "there. Starts the others with Docker Compose or, if no Docker engine answers, from the system's packages.\n" +
    "down: stops only the servers that up has started, and keeps their data.",
  operands: "<up|down>",
  flags: { "delete-data": { help: "down: also delete the servers' data" } },
  settings: ["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"],
  examples: [
    "deno task up",
    "RABBITMQ_URL=amqp://guest:guest@127.0.0.1:5673 deno task up",
    "deno task down --delete-data",
  ],
}, async ({ flags, operands: [action, surplus], config }) => {
  const project = join(import.meta.dirname!, "../..");
  const say = (sentence: string) => console.log(sentence);
  const deleteData = flags["delete-data"];
  if (action !== "up" && action !== "down") throw new UsageError(`the action "${action ?? ""}" must be up or down`);
  if (surplus !== undefined) throw new UsageError(`deno task ${action} takes no operand, but was given "${surplus}"`);
  if (action === "up" && deleteData) {
    throw new UsageError("deno task up does not take --delete-data; use it with deno task down");
  }
  if (action === "up") await up({ config, project, say });
  else await down({ config, project, deleteData, say });
  return 0;
});
