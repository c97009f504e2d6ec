/** `deno task compat`: the integration tests against the servers of another Debian release. */
import { join } from "node:path";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { ensurePrograms, makeRoot } from "./debian_root.ts";
import { runInside } from "./namespace.ts";

await runCommand({
  name: "deno task compat",
  summary:
    "Runs the integration tests and the scenarios against RabbitMQ, Redis and Postgres of another Debian release, in a\n" +
    "network of their own: servers on this machine's ports are left alone. Needs root, and a machine with apt.",
  flags: {
    release: { value: "NAME", help: "which release [trixie]", choices: ["bookworm", "trixie", "forky"] },
    only: { value: "WORD", help: "only the scenarios whose names begin with WORD, and no integration tests" },
    fresh: { help: "install the release anew, rather than use what an earlier run has left in .services/compat" },
  },
  settings: [],
  examples: ["deno task compat", "deno task compat --only broker_faults", "deno task compat --fresh"],
}, async ({ flags }) => {
  const project = join(import.meta.dirname!, "../..");
  await ensurePrograms(console.log);
  const root = await makeRoot(project, flags.release ?? "trixie", { fresh: flags.fresh, say: console.log });
  return await runInside(root, project, flags.only === undefined ? [] : [flags.only]);
});
