/** Runs inside the other release's root for `deno task compat`: `up`, the tests, and a line that sums them up. */
import { basename, join } from "node:path";
import { messageOf } from "../../shared/runtime/errors.ts";
import { endOf } from "../../tools/run_program.ts";
import { titles } from "../../tools/services/server.ts";
import { scenarioFiles } from "../check/jobs.ts";
import { countsIn } from "../check/run_job.ts";

const project = join(import.meta.dirname!, "../..");

/** The name of the integration tests among the scenarios. */
const integration = "integration";
/** Parts of the harness that need servers. */
const ofServers =
  /\b(?:withWorld|withBatch|sharedWorld|PrivateWorld|PrivateServers|EncryptedServers|Checkout|follow)\b|servers\/servers\.ts/;
/** A browser is large, and adds nothing about the servers beyond the scenarios of HTTP. */
const ofBrowser = /\/browser\.ts/;

if (import.meta.main) {
  const status = await runInside(Deno.args[0]).catch((error) => {
    console.error(messageOf(error));
    return 1;
  });
  Deno.exit(status);
}

/** @param only prefix of the names of scenarios, or of `integration` @returns the exit status */
async function runInside(only: string | undefined): Promise<number> {
  const scenarios = (await scenarioFiles(project))
    .filter((path) => isOfServers(Deno.readTextFileSync(join(project, path))));
  const runs = runsOf(scenarios, only);
  const up = await deno("task", "--quiet", "up");
  if (!up.success) return 1;
  const counts = { passed: 0, failed: 0 };
  let allWell = true;
  for (const args of runs) {
    console.log(`\n── deno test ${args.join(" ")}`);
    const { success, output } = await deno("test", "--quiet", ...args);
    const { passed, failed } = countsIn(output);
    counts.passed += passed;
    counts.failed += failed;
    if (!success || passed === 0) allWell = false;
  }
  console.log(`\n${summary(versionsIn(up.output), counts)}`);
  return allWell ? 0 : 1;
}

/** @returns the arguments of each `deno test` */
export function runsOf(scenarios: readonly string[], only = ""): string[][] {
  const chosen = scenarios.filter((path) => basename(path).startsWith(only));
  const runs: string[][] = [];
  if (integration.startsWith(only)) runs.push(["--allow-net", "tests/integration"]);
  if (chosen.length > 0) runs.push(["-A", ...chosen]);
  if (runs.length === 0) throw new Error(`No scenario that needs servers begins with "${only}".`);
  return runs;
}

function deno(...args: string[]) {
  return endOf(Deno.execPath(), args, { cwd: project, shown: true, deadlineMs: 2 * 60 * 60_000 });
}

/** @param source source code of a scenario */
export function isOfServers(source: string): boolean {
  return ofServers.test(source) && !ofBrowser.test(source);
}

/** Returns the servers' versions in the output of `up`: `RabbitMQ 4.0.5`, … */
export function versionsIn(output: string): string[] {
  return Object.values(titles).map((title) => {
    const version = new RegExp(`^${title} (\\d+(?:\\.\\d+)*)`, "m").exec(output)?.[1];
    if (version === undefined) throw new Error(`the output of up has no version of ${title}:\n${output}`);
    return `${title} ${version}`;
  });
}

export function summary(versions: readonly string[], { passed, failed }: { passed: number; failed: number }): string {
  return `${versions.join(", ")}: ${passed} passed, ${failed} failed`;
}
