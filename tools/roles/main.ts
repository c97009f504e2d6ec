/** `deno task roles` */
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import type { TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import { formerDelays, formerTopology, parseDelays } from "../provision/former.ts";
import { brokerScript, cacheScript, databaseScript, sharedNames } from "./roles.ts";

await runCommand({
  name: "deno task roles",
  summary:
    "Prints a script that creates the roles of least privilege on a server, for the configured names. The command\n" +
    "itself changes nothing. The script reads each role's password from its environment: CASINO_PUBLISHER_PASSWORD, ….",
  operands: "<rabbitmq|redis|postgres>",
  flags: {
    "virtual-host": { value: "NAME", help: "rabbitmq: virtual host of the queues [/]" },
    former: { help: "rabbitmq: add the permissions that members of 0.1.0 need during an upgrade" },
    "former-delays": formerDelays,
    database: { value: "NAME", help: "postgres: database of the tables [casino]" },
    schema: { value: "NAME", help: "postgres: schema of the tables [public]" },
  },
  settings: ["EVENTS_EXCHANGE", "EVENTS_QUEUE", "EVENTS_SHARDS", "DEAD_LETTER_QUEUE", "REDIS_KEY_PREFIX"],
  examples: [
    "deno task --quiet roles rabbitmq | sh",
    "deno task --quiet roles redis | sh",
    'deno task --quiet roles postgres | psql "$DATABASE_ADMIN_URL"',
  ],
}, ({ flags, operands: [server, surplus], config }) => {
  if (surplus !== undefined) {
    throw new UsageError(`roles takes one server; "${surplus}" is a second operand`);
  }
  console.log(scriptFor(server).trimEnd());
  return Promise.resolve(0);

  function former() {
    return flags.former ? formerTopology(config, parseDelays(flags["former-delays"])) : undefined;
  }

  function scriptFor(server: string | undefined): string {
    switch (server) {
      case "rabbitmq":
        refuseSharedNames(config);
        return brokerScript(config, flags["virtual-host"] ?? "/", former());
      case "redis":
        return cacheScript(config.REDIS_KEY_PREFIX);
      case "postgres":
        return databaseScript(flags.database ?? "casino", flags.schema ?? "public");
      default:
        throw new UsageError(`the server "${server ?? ""}" must be one of rabbitmq, redis, postgres`);
    }
  }
});

function refuseSharedNames(config: TopologyConfig): void {
  const [shared] = sharedNames(config);
  if (shared === undefined) return;
  throw new UsageError(
    `${shared} is the name of both a queue and an exchange: a user with write permission for one and read permission ` +
      `for the other could bind them. Choose another EVENTS_QUEUE, such as ` +
      `EVENTS_QUEUE=${config.EVENTS_EXCHANGE}.queue (docs/upgrades.md).`,
  );
}
