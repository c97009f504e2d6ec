/** What the README says is what the code does. */
import { deepStrictEqual, match } from "node:assert/strict";
import { join } from "node:path";
import { describeSettings, settingNames } from "../shared/config.ts";
import { project } from "./harness/world.ts";

const readme = await Deno.readTextFile(join(project, "README.md"));

Deno.test("the README's table of configuration has every setting, with its default and meaning", () => {
  const rows = Array.from(
    readme.matchAll(/^\| `([A-Z_]+)` +\| (?:`([^`]*)`)? *\| (.*?) *\|$/gm),
    ([, name, fallback = "", help]) => ({ name, fallback, help }),
  );
  deepStrictEqual(rows, describeSettings(settingNames));
});

Deno.test("the README names every task", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
  for (const task of Object.keys(tasks)) match(readme, new RegExp(`\`${task}[ \`]`), task);
});

Deno.test("every command explains itself with --help", async () => {
  for (const task of ["publisher", "subscriber", "rates-api", "rates-api:control", "migrate", "dead", "up", "demo"]) {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", task, "--help"],
      cwd: project,
      stderr: "inherit",
    });
    const help = new TextDecoder().decode((await command.output()).stdout);
    for (const part of [/Flags:/, /Examples:/, /Exit status: 0 done/]) match(help, part, task);
  }
});
