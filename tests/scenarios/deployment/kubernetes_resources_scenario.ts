/** The workloads' versions, permissions and resource requests, which cover the highest use that the benchmark saw. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import configuration from "../../../deno.json" with { type: "json" };
import { type Json, ofKind, workloadsOf } from "../../../dev/kubernetes/manifest.ts";
import { documented, documentedRows, overlay, overlays } from "./overlays.ts";
import { version } from "../../../shared/runtime/configuration/command.ts";
import { settingNames, variablesOf } from "../../../shared/runtime/configuration/config.ts";
import { expandPermissions } from "../../../tools/tasks/task_line.ts";
import { project } from "../../harness/world.ts";

type Results = Readonly<Record<string, { readonly runs: Readonly<Record<string, readonly Record<string, number>[]>> }>>;

const results: Results = JSON.parse(await Deno.readTextFile(join(project, "bench/results/results.json")));
/**
 * µs of CPU for each event, in and out. In the publisher's group, taking one in costs at most 25.5; delivery costs 6.3.
 */
const rabbitmqUs = 32;
const [production, development] = await Promise.all([overlay("production"), overlay("development")]);

const resources: Readonly<Record<string, Json>> = {
  subscriber: containerOf(production, "subscriber"),
  publisher: containerOf(development, "publisher"),
  RabbitMQ: ofKind(production, "RabbitmqCluster")[0]!["spec"].resources,
  Postgres: ofKind(production, "Cluster")[0]!["spec"].resources,
};
const ofSubscribers = ["throughput", "scale", "growth", "endurance"];
const subscriber = { us: seen(ofSubscribers, "subscriberCpuUs"), mib: seen(ofSubscribers, "peakMib") };
const publisher = { us: seen(["publisher"], "publisherCpuUs"), mib: seen(["publisher"], "peakMib") };
const postgres = { us: seen(ofSubscribers, "postgresCpuUs"), bytes: seen(["growth"], "bytesPerEvent") };

Deno.test("docs/kubernetes.md has the measurements of the benchmark and the requests of the manifests", async () => {
  const measured: Readonly<Record<string, string>> = {
    subscriber: `${both(subscriber.us, 1)} µs of CPU an event, ${both(subscriber.mib)} MiB`,
    publisher: `${both(publisher.us, 1)} µs of CPU an event, ${both(publisher.mib)} MiB`,
    RabbitMQ: `computed: at most ${rabbitmqUs} µs of CPU an event, in and out`,
    Postgres: `${both(postgres.us, 1)} µs of CPU an event, ${both(postgres.bytes)} bytes an event on disk`,
  };
  deepStrictEqual(
    await documentedRows("Requests and limits"),
    Object.entries(resources).map(([what, { requests, limits }]) => [
      what,
      measured[what],
      ...[requests, limits].map(({ cpu, memory }) => `${cores(cpu)}, ${memory.replace(/(?=[MG]i)/, " ")}B`),
    ]),
  );
});

Deno.test("a subscriber's requests cover its peak memory and its promised rate", async () => {
  const { requests } = resources["subscriber"];
  ok(mebibytes(requests.memory) >= subscriber.mib.highest);
  const [, promised = ""] = /Half a core is ([\d,]+) events\/s/.exec(await documented("Requests and limits")) ?? [];
  match(promised, /\d/);
  ok(millicores(requests.cpu) * 1_000 / subscriber.us.highest >= Number(promised.replace(",", "")));
});

Deno.test("the memory limit of a slow publisher covers a publisher at full speed", () => {
  ok(mebibytes(resources["publisher"].limits.memory) >= publisher.mib.highest);
});

Deno.test("images and Jobs carry the release's version, and nothing migrates without migrate", async () => {
  for (const name of overlays) {
    const workloads = workloadsOf(await overlay(name));
    const ours = workloads.flatMap(({ all }) => all).map(({ image }) => String(image)).filter((image) =>
      image.startsWith("casino-events/")
    );
    deepStrictEqual(new Set(ours.map((image) => image.split(":")[1])), new Set([version]));
    const jobs = workloads.filter(({ manifest }) => manifest.kind === "Job");
    for (const { id } of jobs) strictEqual(id.endsWith(`-${version.replaceAll(".", "-")}`), true, id);
    // The others are for `kubectl create job --from`, and never run by themselves.
    const cronJobs = workloads.filter(({ manifest }) => manifest.kind === "CronJob");
    const scheduled = cronJobs.filter(({ manifest }) => manifest["spec"].suspend !== true).map(({ id }) => id);
    deepStrictEqual([scheduled, cronJobs.length], [["CronJob/retention"], 5]);
    // As docs/kubernetes.md goes back: `-l app.kubernetes.io/name!=migrate`.
    const back = workloads.filter(({ manifest }) => manifest.metadata.labels?.["app.kubernetes.io/name"] !== "migrate");
    strictEqual(back.length, workloads.length - 1);
    strictEqual(back.some(({ all }) => all.some(({ args = [] }) => args.at(-1) === "up")), false);
  }
});

Deno.test("development fits on two cores beside the cluster's pods, with the extra pods of updates", async () => {
  // kubeadm's, as in kind: API server 250m, controllers 200m, scheduler, etcd and network 100m each, DNS 2 × 100m.
  const ofTheCluster = 950;
  // One command of a person's at a time.
  const others = ["CronJob/publish", "CronJob/migrations", "CronJob/erase"];
  const atOnce = workloadsOf(await overlay("development")).filter(({ id }) => !others.includes(id));
  const asked = atOnce.map(({ manifest, containers }) => {
    const { replicas = 1, strategy } = manifest["spec"];
    const cpus = containers.map(({ resources }) => String(resources.requests.cpu));
    for (const cpu of cpus) match(cpu, /^\d+m$/);
    return (replicas + (strategy?.rollingUpdate?.maxSurge ?? 0)) * cpus.reduce((sum, cpu) => sum + parseInt(cpu), 0);
  });
  const sum = asked.reduce((sum, each) => sum + each);
  ok(sum > 500 && sum + ofTheCluster <= 2_000, `${sum}m`);
});

Deno.test("the subscriber may read exactly the variables of its settings", async () => {
  const [subscriber] = workloadsOf(await overlay("production")).filter(({ id }) => id === "Deployment/subscriber");
  const args = expandPermissions(subscriber!.containers[0].args, configuration.permissions);
  const allowed = args.find((arg) => arg.startsWith("--allow-env="))!.slice("--allow-env=".length).split(",");
  const foreign = variablesOf(["RATES_API_OLD_KEY", "RATES_CONTROL_KEY", "EVENTS_RETENTION_DAYS"]);
  deepStrictEqual(allowed.sort(), variablesOf(settingNames).filter((name) => !foreign.includes(name)).sort());
});

interface Seen {
  readonly median: number;
  readonly highest: number;
}

/** For our own members: the highest median among the variants, and the highest run. */
function seen(groups: readonly string[], figure: string): Seen {
  const sorted = groups.flatMap((group) => Object.entries(results[group]!.runs))
    .filter(([variant]) => !/^(bare|load|naive|peer)/.test(variant))
    .map(([, runs]) => runs.map((run) => run[figure]).filter((value) => value !== undefined))
    .filter((values) => values.length > 0)
    .map((values) => values.sort((a, b) => a - b));
  return {
    // For an even number of runs the lower middle value, as in bench/results/tables.md.
    median: Math.max(...sorted.map((values) => values[Math.ceil(values.length / 2) - 1]!)),
    highest: Math.max(...sorted.flat()),
  };
}

function both({ median, highest }: Seen, digits = 0): string {
  const [middle, most] = [median, highest].map((value) => String(Number(value.toFixed(digits))));
  return middle === most ? middle! : `${middle} and ${most}`;
}

function containerOf(manifests: Parameters<typeof workloadsOf>[0], name: string): Json {
  return workloadsOf(manifests).flatMap(({ containers }) => containers).find((each) => each.name === name)!.resources;
}

function cores(cpu: string): string {
  return cpu.endsWith("m") ? cpu : `${cpu} ${cpu === "1" ? "core" : "cores"}`;
}

function millicores(cpu: string): number {
  return cpu.endsWith("m") ? parseInt(cpu) : Number(cpu) * 1_000;
}

function mebibytes(memory: string): number {
  return memory.endsWith("Gi") ? parseInt(memory) * 1_024 : parseInt(memory);
}
