/** What `deno task compat` runs within the other release's root: `up`, the tests, and the line that sums them up. */
import { basename, join } from "node:path";
import { scenarioFiles } from "../../dev/check/scenarios.ts";
import { type Counts, countsIn, summary, versionsIn } from "./outcome.ts";
import { takesServers } from "./scenarios.ts";

const project = join(import.meta.dirname!, "../..");
const [only] = Deno.args;

const up = await run(["task", "--quiet", "up"]);
if (up.code !== 0) Deno.exit(1);
const versions = versionsIn(up.output);

const scenarios = await chosenScenarios();
const runs = [
  ...only === undefined ? [["test", "--quiet", "--allow-net", "tests/integration"]] : [],
  ["test", "--quiet", "-A", ...scenarios],
];
const counts: Counts = { passed: 0, failed: 0 };
let allWell = scenarios.length > 0;
if (!allWell) console.error(`No scenario that needs servers begins with "${only}".`);
for (const args of allWell ? runs : []) {
  console.log(`\n── deno ${args.join(" ")}`);
  const { code, output } = await run(args);
  const { passed, failed } = countsIn(output);
  counts.passed += passed;
  counts.failed += failed;
  if (code !== 0 || passed === 0) allWell = false;
}
console.log(`\n${summary(versions, counts)}`);
Deno.exit(allWell ? 0 : 1);

async function chosenScenarios(): Promise<string[]> {
  const chosen: string[] = [];
  for (const file of await scenarioFiles(project)) {
    if (only !== undefined && !basename(file).startsWith(only)) continue;
    if (takesServers(await Deno.readTextFile(join(project, file)))) chosen.push(file);
  }
  return chosen;
}

/** Shows the output as it comes, and keeps it. */
async function run(args: readonly string[]): Promise<{ code: number; output: string }> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: project, stdout: "piped" });
  const child = command.spawn();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    console.log(text.replace(/\n$/, ""));
  }
  return { code: (await child.status).code, output };
}
