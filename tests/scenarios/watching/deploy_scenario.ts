/** deploy/prometheus and deploy/grafana: the metrics that they query exist, and the alerts fire when they should. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { deadReasons } from "../../../shared/rabbitmq/outcome.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { getText, startServing } from "../../harness/http.ts";
import { project, withWorld } from "../../harness/world.ts";

interface Rule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description?: string; readonly runbook: string };
}

const folder = join(project, "deploy/prometheus");
const alerts = await Deno.readTextFile(join(folder, "alerts.yaml"));
const rules: readonly Rule[] = parse(alerts).groups[0].rules;
const names = rules.map(({ alert }) => alert);
const dashboard = await Deno.readTextFile(join(project, "deploy/grafana/dashboard.json"));

interface Asked {
  readonly metric: string;
  readonly labels: readonly (readonly [string, string])[];
}

/** Returns our metrics in a text, with the labels that select them. */
function askedIn(text: string): Asked[] {
  const metrics = text.replaceAll('\\"', '"').matchAll(/\b((?:casino|process)_[a-z_]+)(?:\{([^}]*)\})?/g);
  return Array.from(metrics, ([, metric = "", picked = ""]) => ({
    metric,
    labels: Array.from(picked.matchAll(/(\w+)="([^"]*)"/g), ([, name = "", value = ""]) => [name, value] as const),
  }));
}

Deno.test("alerts and dashboard query only metrics and labels that a subscriber has", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const url = await startServing(world, "subscriber-1");
    // The age of rates is absent until there are rates.
    await world.publish("--input", join(project, "samples/events.ndjson"));
    await world.untilSettled(26, 1);
    const served = await getText(`${url}/metrics`);
    const asked = [...askedIn(alerts), ...askedIn(dashboard)];
    strictEqual(asked.length > 40, true, `${asked.length} metrics asked for`);
    const missing = asked.filter(({ metric, labels }) => {
      const lines = served.split("\n").filter((line) => new RegExp(`^${metric}[ {]`).test(line));
      // Prometheus adds the job label itself.
      const own = labels.filter(([name]) => name !== "job");
      return !lines.some((line) => own.every(([name, value]) => line.includes(`${name}="${value}"`)));
    });
    deepStrictEqual(missing, []);

    const names = new Set(Array.from(served.matchAll(/^# TYPE (\S+) /gm), ([, name]) => name!));
    const shown = new Set(askedIn(dashboard).map(({ metric }) => metric.replace(/_bucket$/, "")));
    deepStrictEqual(
      [...names].filter((name) => !shown.has(name) && name !== "casino_info"),
      [],
      "not on the dashboard",
    );
    const reasons = Array.from(
      served.matchAll(/^casino_dead_letters_total\{reason="([^"]+)"\}/gm),
      ([, reason]) => reason,
    );
    deepStrictEqual(reasons, [...deadReasons]);
  });
});

Deno.test("every alert has a severity, a summary, a description and a section of the runbook that quotes it", async () => {
  const runbook = await Deno.readTextFile(join(project, "docs/runbook.md"));
  for (const { alert, labels, annotations } of rules) {
    match(labels.severity, /^(page|ticket)$/, alert);
    match(annotations.summary, /^[A-Z{]/, alert);
    match(annotations.description ?? "", /^\S.+\.$|: deno task \S+/, alert);
    strictEqual(annotations.runbook, `docs/runbook.md#${alert.toLowerCase()}`);
    const quote = new RegExp(`^## ${alert}\n\n\\*\\*You see\\*\\* "([^"]+)"`, "m").exec(runbook)?.[1];
    const summary = annotations.summary.replaceAll(/\{\{.*?\}\}/g, "…");
    strictEqual(
      quote && summary.startsWith(quote),
      true,
      `${alert}: "${quote}" in the runbook, "${summary}" on the alert`,
    );
  }
  deepStrictEqual(Array.from(runbook.matchAll(/^## (\w+)$/gm), ([, name]) => name), names);
});

Deno.test("Prometheus accepts the alerts, and each fires when it should and not before", async () => {
  const promtool = (...args: string[]) => runProgram("promtool", args, { cwd: folder });
  match(await promtool("check", "rules", "alerts.yaml"), new RegExp(`SUCCESS: ${names.length} rules found`));
  await promtool("test", "rules", "alerts_test.yaml");

  const tests = await Deno.readTextFile(join(folder, "alerts_test.yaml"));
  const cases = Array.from(tests.matchAll(/alertname: (\w+)[,\s]+exp_alerts:(.*)/g));
  const namesOf = (found: typeof cases) => [...new Set(found.map(([, name]) => name))].sort();
  const silent = cases.filter(([, , expected]) => expected!.includes("[]"));
  deepStrictEqual(namesOf(silent), names.toSorted(), "each is tested not to fire");
  deepStrictEqual(namesOf(cases.filter((each) => !silent.includes(each))), names.toSorted(), "and to fire");
});
