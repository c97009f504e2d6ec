/** What deploy/ asks of Prometheus is what a subscriber's /metrics has. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { deadReasons } from "../../../shared/rabbitmq/outcome.ts";
import { getText, startServing } from "../../harness/http.ts";
import { project, withWorld } from "../../harness/world.ts";

const alerts = await Deno.readTextFile(join(project, "deploy/prometheus/alerts.yaml"));
const dashboard = await Deno.readTextFile(join(project, "deploy/grafana/dashboard.json"));

interface Asked {
  readonly metric: string;
  readonly labels: readonly (readonly [string, string])[];
}

/** Every metric of ours in a text, with the labels that it is picked by. */
function askedIn(text: string): Asked[] {
  const metrics = text.replaceAll('\\"', '"').matchAll(/\b((?:casino|process)_[a-z_]+)(?:\{([^}]*)\})?/g);
  return Array.from(metrics, ([, metric = "", picked = ""]) => ({
    metric,
    labels: Array.from(picked.matchAll(/(\w+)="([^"]*)"/g), ([, name = "", value = ""]) => [name, value] as const),
  }));
}

Deno.test("alerts and dashboard ask for metrics and labels that a subscriber has", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const url = await startServing(world, "subscriber-1");
    // There is no age of rates before there are rates.
    await world.publish("--input", join(project, "samples/events.ndjson"));
    await world.untilSettled(26, 1);
    const served = await getText(`${url}/metrics`);
    const asked = [...askedIn(alerts), ...askedIn(dashboard)];
    strictEqual(asked.length > 40, true, `${asked.length} metrics asked for`);
    const missing = asked.filter(({ metric, labels }) => {
      const lines = served.split("\n").filter((line) => new RegExp(`^${metric}[ {]`).test(line));
      // Prometheus itself adds the job.
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

Deno.test("every alert says what is wrong in a sentence, and how urgent that is", () => {
  const rules = alerts.split("- alert: ").slice(1);
  strictEqual(rules.length > 10, true);
  for (const rule of rules) {
    const name = rule.split("\n")[0]!;
    for (const part of [/expr: \S/, /severity: (page|ticket)/, /summary: ["'][A-Z{]/]) {
      strictEqual(part.test(rule), true, `${name} lacks ${part}`);
    }
  }
});
