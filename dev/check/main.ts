/** `deno task check` and `deno task test`. */
import { join } from "node:path";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { up } from "../../tools/services/up_and_down.ts";
import { runCheck } from "./check.ts";
import { selectJobs } from "./jobs.ts";
import { ensurePrograms } from "./debian_programs.ts";

const pinned = "2.9.3";

await runCommand({
  name: "deno task check",
  summary:
    "The check: format, lint, schemas, generated code, types, unit and integration tests, and a scenario for each promise\n" +
    "of the README. The tests need the servers: deno task test is the same, and brings them up before. As many scenarios\n" +
    "run side by side as there are cores, or as DENO_JOBS says.",
  flags: {
    all: { help: "run all scenarios: campaigns, clusters, documents of operations, browser walks, manifests, images" },
    only: { value: "WORD", help: "run only what has WORD in its title, of all there is: types, tests, faults/killed" },
    up: { help: "bring the servers up first, as deno task up does" },
  },
  settings: [],
  examples: ["deno task test", "deno task test --all", "deno task check --only types", "deno task test --only killed"],
}, async ({ flags }) => {
  if (Deno.version.deno !== pinned) {
    throw new UsageError(
      `This is Deno ${Deno.version.deno}, but the project is pinned to ${pinned}: npx -y deno@${pinned} task check`,
    );
  }
  const project = join(import.meta.dirname!, "../..");
  const jobs = await selectJobs(project, flags);
  if (jobs.before.length + jobs.after.length === 0) throw new UsageError(`nothing has "${flags.only}" in its title`);
  return await runCheck(jobs, prepare(), project);

  async function prepare(): Promise<void> {
    if (jobs.after.length === 0) return;
    if (flags.up) {
      // The tests look for the servers at the default addresses, and nowhere else.
      const config = readConfig(["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"], () => undefined);
      await up({ config, project, say: console.log });
    } else {
      // Says which of them do not answer, once for all tests.
      await import("../../tests/servers/servers.ts");
    }
    const missing = flags.all || flags.only !== undefined ? await ensurePrograms(console.log) : undefined;
    if (missing !== undefined) console.error(missing);
  }
});
