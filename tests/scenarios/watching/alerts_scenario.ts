/** Alerts by Prometheus's own judgement, and each with its section in the runbook. */
import { deepStrictEqual, match } from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../harness/world.ts";
import { runProgram } from "../../../tools/run_program.ts";

const folder = join(project, "deploy/prometheus");
const alerts = await Deno.readTextFile(join(folder, "alerts.yaml"));
const names = Array.from(alerts.matchAll(/- alert: (\w+)/g), ([, name]) => name!);

const promtool = (...args: string[]) => runProgram("promtool", args, { cwd: folder });

Deno.test("Prometheus takes the alerts, and finds each firing when it should, and not before", async () => {
  match(await promtool("check", "rules", "alerts.yaml"), new RegExp(`SUCCESS: ${names.length} rules found`));
  await promtool("test", "rules", "alerts_test.yaml");
});

Deno.test("each alert is tested to fire, and not to", async () => {
  const tests = await Deno.readTextFile(join(folder, "alerts_test.yaml"));
  const tested = Array.from(
    tests.matchAll(/alertname: (\w+)[,\s]+exp_alerts:(.*)/g),
    ([, name, expected]) => ({ name: name!, fires: !/\[\]/.test(expected!) }),
  );
  for (const fires of [true, false]) {
    const found = new Set(tested.filter((each) => each.fires === fires).map(({ name }) => name));
    deepStrictEqual([...found].sort(), [...names].sort(), fires ? "fires" : "does not fire");
  }
});

Deno.test("each alert links its section of the runbook, and each section is of an alert", async () => {
  const runbook = await Deno.readTextFile(join(project, "docs/runbook.md"));
  const sections = Array.from(runbook.matchAll(/^## (\w+)$/gm), ([, name]) => name!);
  deepStrictEqual(sections, names);
  const links = Array.from(alerts.matchAll(/- alert: (\w+)[\s\S]*?runbook: "(.+)"/g), ([, name, link]) => [name, link]);
  deepStrictEqual(links, names.map((name) => [name, `docs/runbook.md#${name.toLowerCase()}`]));
});
