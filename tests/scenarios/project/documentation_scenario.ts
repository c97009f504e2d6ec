/** The README, docs/reliability.md and the schedule of scenarios name things that exist. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { nameOf, scenarioFiles } from "../../../dev/check/jobs.ts";
import { endOf } from "../../../tools/run_program.ts";
import { project } from "../../harness/world.ts";
import { schedule } from "../schedule.ts";

const readme = await Deno.readTextFile(join(project, "README.md"));

Deno.test("the README names every task", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
  for (const task of Object.keys(tasks)) match(readme, new RegExp(`\`${task}[ \`]`), task);
});

Deno.test("every task explains itself with --help, tells its version, and refuses what it does not know", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
  for (const task of Object.keys(tasks)) {
    const [help, version, wrong] = await Promise.all([
      run(task, "--help"),
      run(task, "--version"),
      run(task, "--wrong"),
    ]);
    for (const part of [/Flags:/, /Examples:\n {2}/, /Exit status: 0 done/]) match(help.stdout, part, task);
    match(version.stdout, /^\d+\.\d+\.\d+\n$/, task);
    deepStrictEqual([help.code, version.code, wrong.code], [0, 0, 2], task);
  }
});

async function run(task: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
  return await endOf(Deno.execPath(), ["task", "--quiet", task, ...args], { cwd: project });
}

Deno.test("every test that docs/reliability.md names is there", async () => {
  const text = await Deno.readTextFile(join(project, "docs/reliability.md"));
  const named = Array.from(text.matchAll(/`([\w/]+\.ts)` "([^"]+)"/g), ([, file, words]) => [file!, words!] as const);
  strictEqual(named.length > 30, true);
  for (const [file, words] of named) {
    const source = await Deno.readTextFile(join(project, file));
    strictEqual(source.includes(words), true, `${file} has no "${words}"`);
  }
});

Deno.test("every scenario that tests/scenarios/schedule.ts names is there", async () => {
  const names = (await scenarioFiles(project)).map(nameOf);
  deepStrictEqual(Object.keys(schedule).filter((name) => !names.includes(name)), []);
});
