/** `deno task demo`: runs the whole system on this machine, from setup to a summary. */
import { join } from "node:path";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";

const project = join(import.meta.dirname!, "../..");
const fallbackCount = 10_000;
const embeddedRate = 2_000;

await runCommand({
  name: "deno task demo",
  summary:
    "The whole system at work, from nothing to a summary: a rates API, two subscribers, a sample file and generated events.\n" +
    "Embedded, all of it runs in this process, queue, cache and database in its memory: nothing is installed or left behind.\n" +
    "With --real the members are processes on RabbitMQ, Redis and Postgres, which are started if they do not answer, and\n" +
    "stopped again; queues, keys and schema are the demo's own, and are removed. Only --real uses the variables below.",
  flags: {
    real: { help: "use real servers" },
    count: {
      short: "n",
      value: "N",
      help: `how many generated events [${fallbackCount}]`,
      integer: { min: 0, max: 10_000_000 },
    },
    rate: {
      value: "N",
      help: `generated events a second [${embeddedRate}; with --real as fast as it goes]`,
      integer: { min: 1, max: 1_000_000 },
    },
    stay: { help: "embedded: go on after the summary until Ctrl-C [where stdout is a terminal]" },
    once: { help: "embedded: end with the summary [where stdout is no terminal]" },
    keep: { help: "with --real: leave servers that were started running" },
  },
  settings: ["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"],
  examples: ["deno task demo", "deno task demo --once --count 100000 --rate 10000", "deno task demo --real --keep"],
}, async ({ flags, config }) => {
  const { real, count = fallbackCount, rate, stay, once, keep } = flags;
  if (real && (stay || once)) {
    throw new UsageError("--stay and --once do not go with --real, which ends with the summary");
  }
  if (!real && keep) throw new UsageError("--keep goes with --real: the embedded demo starts no servers");
  if (stay && once) throw new UsageError("--stay and --once exclude each other");
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
