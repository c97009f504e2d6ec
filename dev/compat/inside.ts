/** What `deno task compat` runs within the other release's root: `up`, the tests, and the line that sums them up. */
import { basename, join } from "node:path";
import { endOf } from "../../tools/run_program.ts";
import { scenarioFiles } from "../check/scenarios.ts";
import { countsIn } from "../check/run_job.ts";
import { isOfServers, summary, versionsIn } from "./outcome.ts";

const project = join(import.meta.dirname!, "../..");
const [only] = Deno.args;

const up = await deno("task", "--quiet", "up");
if (!up.success) Deno.exit(1);

const scenarios = await scenariosOfServers();
if (scenarios.length === 0) throw new Error(`No scenario that needs servers begins with "${only}".`);
const runs = [
  ...only === undefined ? [["--allow-net", "tests/integration"]] : [],
  ["-A", ...scenarios],
];
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
Deno.exit(allWell ? 0 : 1);

async function scenariosOfServers(): Promise<string[]> {
  const chosen = (await scenarioFiles(project)).filter((path) => basename(path).startsWith(only ?? ""));
  const sources = await Promise.all(chosen.map((path) => Deno.readTextFile(join(project, path))));
  return chosen.filter((_, index) => isOfServers(sources[index]!));
}

function deno(...args: string[]) {
  return endOf(Deno.execPath(), args, { cwd: project, shown: true, deadlineMs: 2 * 60 * 60_000 });
}
