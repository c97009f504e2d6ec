/** What pods request covers what the benchmark saw at its highest, and docs/kubernetes.md tells both as they are. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { spreadOf } from "../../../bench/statistics.ts";
import { type Json, ofKind, workloadsOf } from "../../../dev/kubernetes/manifest.ts";
import { overlay } from "./overlays.ts";
import { project } from "../../harness/world.ts";

type Results = Readonly<Record<string, { readonly runs: Readonly<Record<string, readonly Record<string, number>[]>> }>>;

const results: Results = JSON.parse(await Deno.readTextFile(join(project, "bench/results/results.json")));
/** µs of CPU an event, in and out: the publisher's group leaves it at most 25.5 to take one in, and delivery takes 6.3. */
const rabbitmqUs = 32;
const text = await Deno.readTextFile(join(project, "docs/kubernetes.md"));
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

Deno.test("docs/kubernetes.md has what the benchmark measured, and what the manifests request", () => {
  const measured: Readonly<Record<string, string>> = {
    subscriber: `${both(subscriber.us, 1)} µs of CPU an event, ${both(subscriber.mib)} MiB`,
    publisher: `${both(publisher.us, 1)} µs of CPU an event, ${both(publisher.mib)} MiB`,
    RabbitMQ: `computed: at most ${rabbitmqUs} µs of CPU an event, in and out`,
    Postgres: `${both(postgres.us, 1)} µs of CPU an event, ${both(postgres.bytes)} bytes an event on disk`,
  };
  const section = text.slice(text.indexOf("## Requests and limits"), text.indexOf("## Install"));
  const rows = section.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  deepStrictEqual(
    rows,
    Object.entries(resources).map(([what, { requests, limits }]) => [
      what,
      measured[what],
      ...[requests, limits].map(({ cpu, memory }) => `${cores(cpu)}, ${memory.replace(/(?=[MG]i)/, " ")}B`),
    ]),
  );
});

Deno.test("a subscriber's request covers its memory, and the rate that is promised for it, at their highest", () => {
  const { requests } = resources["subscriber"];
  ok(mebibytes(requests.memory) >= subscriber.mib.highest);
  const [, promised = ""] = /Half a core is ([\d,]+) events\/s/.exec(text) ?? [];
  match(promised, /\d/);
  ok(millicores(requests.cpu) * 1_000 / subscriber.us.highest >= Number(promised.replace(",", "")));
});

Deno.test("the limit of a publisher that sends a trickle covers the memory of one that sends all it can", () => {
  ok(mebibytes(resources["publisher"].limits.memory) >= publisher.mib.highest);
});

interface Seen {
  readonly median: number;
  readonly highest: number;
}

/** Of our own members: the highest of the variants' medians, and the highest run. */
function seen(groups: readonly string[], figure: string): Seen {
  const spreads = groups.flatMap((group) => Object.entries(results[group]!.runs))
    .filter(([variant]) => !/^(bare|load|naive|peer)/.test(variant))
    .map(([, runs]) => runs.map((run) => run[figure]).filter((value) => value !== undefined))
    .filter((values) => values.length > 0)
    .map(spreadOf);
  return {
    median: Math.max(...spreads.map(({ median }) => median)),
    highest: Math.max(...spreads.map(({ max }) => max)),
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
