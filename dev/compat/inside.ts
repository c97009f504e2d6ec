/** What `deno task compat` runs within the other release's root: `up`, the tests, and the line that sums them up. */
import { basename, join, relative } from "node:path";
import { endOf } from "../../tools/run_program.ts";
import { countsIn, isOfServers, summary, versionsIn } from "./outcome.ts";

const project = join(import.meta.dirname!, "../..");
const [only] = Deno.args;

const up = await deno("task", "--quiet", "up");
if (!up.success) Deno.exit(1);

const files = (await Array.fromAsync(filesBelow(project))).sort();
const scenarios = await Array.fromAsync(scenariosOfServers());
if (scenarios.length === 0) throw new Error(`No scenario that needs servers begins with "${only}".`);
const runs = [
  ...only === undefined ? [["--allow-net", ...files.filter((path) => path.endsWith("_on_servers.ts"))]] : [],
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

/** Wherever they are: what a test is, its name says. */
async function* filesBelow(folder: string): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".") || name === "node_modules") continue;
    if (isDirectory) yield* filesBelow(join(folder, name));
    else yield relative(project, join(folder, name));
  }
}

async function* scenariosOfServers(): AsyncIterable<string> {
  for (const path of files.filter((path) => path.endsWith("_scenario.ts"))) {
    if (only !== undefined && !basename(path).startsWith(only)) continue;
    if (isOfServers(await Deno.readTextFile(join(project, path)))) yield path;
  }
}

function deno(...args: string[]) {
  return endOf(Deno.execPath(), args, { cwd: project, shown: true, deadlineMs: 2 * 60 * 60_000 });
}
