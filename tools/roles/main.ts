/** `deno task roles` */
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import type { TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import { formerDelays, formerTopology, parseDelays } from "../provision/former.ts";
import { brokerScript, cacheScript, databaseScript, sharedNames } from "./roles.ts";

await runCommand({
  name: "deno task roles",
  summary:
    "Prints what makes the roles of least privilege on a server, for the configured names; changes nothing itself.\n" +
    "Each role's password is taken from the environment where it is run: CASINO_PUBLISHER_PASSWORD and so on.",
  operands: "<rabbitmq|redis|postgres>",
  flags: {
    "virtual-host": { value: "NAME", help: "rabbitmq: where the queues are [/]" },
    former: { help: "rabbitmq: rights for members of 0.1.0, too, while they run beside this version's" },
    "former-delays": formerDelays,
    database: { value: "NAME", help: "postgres: where the tables are [casino]" },
    schema: { value: "NAME", help: "postgres: the tables' schema [public]" },
  },
  settings: ["EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE", "REDIS_KEY_PREFIX"],
  examples: [
    "deno task --quiet roles rabbitmq | sh",
    "deno task --quiet roles redis | sh",
    'deno task --quiet roles postgres | psql "$DATABASE_ADMIN_URL"',
  ],
}, ({ flags, operands: [server, surplus], config }) => {
  if (surplus !== undefined) {
    throw new UsageError(`deno task roles takes one server, but was given "${surplus}" as well`);
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
        throw new UsageError(`"${server ?? ""}" is none of rabbitmq, redis, postgres`);
    }
  }
});

function refuseSharedNames(config: TopologyConfig): void {
  const [shared] = sharedNames(config);
  if (shared === undefined) return;
  throw new UsageError(
    `${shared} names a queue and an exchange: RabbitMQ would let users who may write to the one and read the other bind ` +
      `them. Choose another EVENTS_QUEUE, such as EVENTS_QUEUE=${config.EVENTS_EXCHANGE}.queue (docs/upgrades.md).`,
  );
}
