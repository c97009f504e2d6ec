/** `deno task demo`: runs the whole system on this machine, from setup to a summary. */
import { join } from "node:path";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";

const project = join(import.meta.dirname!, "../..");
const fallbackCount = 10_000;
const embeddedRate = 2_000;

await runCommand({
  name: "deno task demo",
  summary:
    "Runs the whole system, from setup to a summary: a rates API, two subscribers, a sample file and generated events.\n" +
    "By default everything runs in this process, with queue, cache and database in memory: the demo installs nothing and\n" +
    "leaves nothing behind. With --real, the members are processes that use RabbitMQ, Redis and Postgres. The demo starts\n" +
    "servers that do not answer, and stops them at the end. It uses its own queues, keys and schema, and removes them.\n" +
    "Only --real uses the variables below.",
  flags: {
    real: { help: "use real servers" },
    count: {
      short: "n",
      value: "N",
      help: `number of generated events [${fallbackCount}]`,
      integer: { min: 0, max: 10_000_000 },
    },
    rate: {
      value: "N",
      help: `generated events a second [${embeddedRate}; with --real no limit]`,
      integer: { min: 1, max: 1_000_000 },
    },
    stay: { help: "without --real: continue after the summary until Ctrl-C [if stdout is a terminal]" },
    once: { help: "without --real: exit after the summary [if stdout is not a terminal]" },
    keep: { help: "with --real: do not stop the servers that the demo started" },
  },
  settings: ["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"],
  examples: ["deno task demo", "deno task demo --once --count 100000 --rate 10000", "deno task demo --real --keep"],
}, async ({ flags, config }) => {
  const { real, count = fallbackCount, rate, stay, once, keep } = flags;
  if (real && (stay || once)) {
    throw new UsageError("--stay and --once cannot be used with --real, which always exits after the summary");
  }
  if (!real && keep) throw new UsageError("--keep requires --real: the embedded demo starts no servers");
  if (stay && once) throw new UsageError("--stay and --once cannot be used together");
  if (real) {
    // Deno downloads everything that a literal import() names before anything runs: the clients of all three servers.
    const { runOnServers }: typeof import("./real.ts") = await import(new URL("./real.ts", import.meta.url).href);
    return await runOnServers({ project, count, rate, keep, config, say: (sentence) => console.log(sentence) });
  }
  const { runEmbedded } = await import("./embedded/run.ts");
  return await runEmbedded({
    project,
    count,
    rate: rate ?? embeddedRate,
    stay: stay ? true : once ? false : undefined,
  });
});
