/** The results in bench/results/: the figures of every run, their provenance, and the tables made from them. */
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { runProgram } from "../tools/run_program.ts";
import type { Figures } from "./scenarios/consume.ts";
import { project } from "./program.ts";
import type { Environment } from "./environment.ts";

export interface GroupResult {
  /** End of the run, RFC 3339. */
  readonly at: string;
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  /** Figures of each run, by variant. */
  readonly runs: Readonly<Record<string, readonly Figures[]>>;
}

type Results = Readonly<Record<string, GroupResult>>;

const resultsFolder = join(project, "bench/results");
const file = join(resultsFolder, "results.json");

/** @throws {Deno.errors.NotFound} before the first run */
export async function readResults(): Promise<Results> {
  return JSON.parse(await Deno.readTextFile(file));
}

/** Replaces the group's result. */
export async function keepResult(name: string, result: GroupResult): Promise<void> {
  await Deno.mkdir(resultsFolder, { recursive: true });
  const before = await readResults().catch(() => ({}));
  await Deno.writeTextFile(file, JSON.stringify({ ...before, [name]: result }, null, 1) + "\n");
}

/** @param loadAverage of the last minute before the first measurement */
export async function provenance(
  environment: Environment,
  loadAverage: number,
): Promise<Pick<GroupResult, "at" | "commit" | "machine" | "versions">> {
  const changed = await runProgram("git", ["status", "--porcelain", "--", ":!bench/results"], { cwd: project });
  const commit = (await runProgram("git", ["rev-parse", "--short", "HEAD"], { cwd: project })).trim();
  return {
    at: new Date().toISOString(),
    commit: changed.trim() === "" ? commit : `${commit} with changes`,
    machine: {
      processor: cpus()[0]!.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      loadAverage: Number(loadAverage.toFixed(2)),
    },
    versions: await environment.versions(),
  };
}

/** The median of several runs, and their spread. */

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws {RangeError} when there are no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("a spread needs at least one value");
  const sorted = values.toSorted((a, b) => a - b);
  return { median: percentile(sorted, 50), min: sorted[0]!, max: sorted.at(-1)! };
}

/**
 * The nearest-rank percentile: the least value that at least `p` of 100 values do not exceed. Of an even number of
 * values, the 50th is the lower middle value.
 * @param sorted in ascending order, not empty
 * @param p greater than 0, at most 100
 */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * p / 100) - 1)]!;
}

/** @returns the tables, which are also written to tables.md */
export async function writeReport(): Promise<string> {
  const results = await readResults();
  const bars = results["throughput"] ? [`## Bars\n\n${barsTable(results)}`] : [];
  const tables = Object.entries(results).map(([name, group]) => `## ${capital(name)}\n\n${figuresTable(group)}`);
  const text = [...bars, ...tables].join("\n\n") + "\n";
  await Deno.writeTextFile(join(resultsFolder, "tables.md"), text);
  return text;
}

/** Every variant and figure: the median, and in brackets the least and the greatest value. */
function figuresTable({ runs, at, commit, machine, versions }: GroupResult): string {
  const names = [...new Set(Object.values(runs).flatMap((each) => Object.keys(each[0] ?? {})))];
  const rows = Object.entries(runs).map(([variant, each]) => {
    const cells = names.map((name) => {
      // JSON has no NaN, so a missing value is null.
      const values = each.flatMap((figures) => figures[name] ?? []);
      return values.length === 0 ? "" : asWords(spreadOf(values));
    });
    return [variant, ...cells];
  });
  const about = [
    `${Object.values(runs)[0]?.length} runs, ${at.slice(0, 16).replace("T", " ")} UTC, commit ${commit}`,
    Object.entries(machine).map(([name, value]) => `${name} ${value}`).join(", "),
    Object.entries(versions).map(([name, value]) => `${name} ${value}`).join(", "),
  ];
  return `${about.join("; ")}\n\n${markdown([["", ...names], ...rows])}`;
}

/** The promised limits, and the medians compared with them. */
function barsTable(results: Results): string {
  const median = (group: string, variant: string, figure: string) => {
    const values = results[group]?.runs[variant]?.map((figures) => figures[figure]!) ?? [];
    return values.length === 0 ? NaN : spreadOf(values).median;
  };
  const rate = (variant: string) => median("throughput", variant, "eventsPerSecond");
  const floor = 1 / (1 / rate("bare") + 1 / rate("load"));
  const off = rate("ours, lines off");
  const perEvent = (variant: string) => median("scale", variant, "totalCpuUs");
  const eightToOne = (players: string) => perEvent(`8 of ${players} players`) / perEvent(`1 of ${players} players`);
  const endured = (figure: string) => median("endurance", "2000000 events", figure);
  const grown = (rows: string, group = "growth") =>
    median(group, rows, "eventsPerSecond") / median(group, "0", "eventsPerSecond");
  const found = (by: string) => median("years", "find, 100000000", `by ${by}, p99Ms`);
  const rows: [string, string, number, string][] = [
    ["floor, events/s: 1/(1/bare + 1/load)", "", floor, ""],
    ["ours ÷ floor, one subscriber, lines off", "≥ 0.75, aim 0.9", off / floor, ""],
    ["ours ÷ floor, one subscriber, lines on", "≥ 0.65", rate("ours, lines on") / floor, ""],
    ["ours ÷ naive", "≥ 10", off / rate("naive"), ""],
    ["ours ÷ naive that awaits each event", "", off / rate("naive, awaiting each"), ""],
    ["ours ÷ peer", "≥ 10", off / rate("peer"), ""],
    [
      "subscriber CPU per event, lines off",
      "≤ 18 µs, aim 12",
      median("throughput", "ours, lines off", "subscriberCpuUs"),
      " µs",
    ],
    [
      "publisher ÷ bare publisher",
      "≥ 0.8",
      median("publisher", "ours", "eventsPerSecond") / median("publisher", "bare", "eventsPerSecond"),
      "",
    ],
    ["p99 publish-to-committed at 1,000 events/s", "≤ 25 ms", median("latency", "1000", "p99Ms"), " ms"],
    ["p50 publish-to-committed at 10 events/s", "≤ 6 ms", median("latency", "10", "p50Ms"), " ms"],
    ["total CPU per event, 8 subscribers ÷ 1, 10 players", "≤ 1.25", eightToOne("10"), ""],
    ["total CPU per event, 8 subscribers ÷ 1, 1,000,000 players", "≤ 1.25", eightToOne("1000000"), ""],
    ["memory over 2,000,000 events, at its highest", "≤ 160 MB", endured("peakMib") * 2 ** 20 / 1e6, " MB"],
    ["memory, last tenth ÷ first", "≤ 1.05", endured("memoryLastOverFirst"), ""],
    ["rate with 1 M events stored ÷ empty", "", grown("1000000"), ""],
    ["rate with 10 M events stored ÷ empty", "≥ 0.85", grown("10000000"), ""],
    [
      "p99 of GET /materialized with 10 M events stored",
      "≤ 10 ms",
      median("growth", "GET /materialized, 10000000", "p99Ms"),
      " ms",
    ],
    ["rate with 100 M events of two years ÷ empty", "≥ 0.9", grown("100000000", "years"), ""],
    [
      "p99 of GET /materialized with 100 M events stored",
      "≤ 10 ms",
      median("years", "GET /materialized, 100000000", "p99Ms"),
      " ms",
    ],
    ["p99 of a find by message id among 100 M events", "≤ 50 ms", found("message id"), " ms"],
    ["p99 of a find by event id among 100 M events", "≤ 50 ms", found("event id"), " ms"],
    ["p99 of a find by player and time among 100 M events", "≤ 50 ms", found("player and time"), " ms"],
    ["API calls, cold start of 16", "1", median("cold cache", "16 subscribers", "apiCalls"), ""],
  ];
  return markdown([
    ["figure", "bar", "measured"],
    ...rows.filter(([, , value]) => !Number.isNaN(value)).map((
      [name, bar, value, unit],
    ) => [name, bar, digits(value) + unit]),
  ]);
}

/** Returns the median, and in brackets the least and the greatest value. */
export function asWords({ median, min, max }: Spread): string {
  return min === max ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`;
}

/** Returns three significant digits; whole numbers from 100 on. */
export function digits(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

export function markdown([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head!), line(head!.map((_, i) => i === 0 ? "---" : "---:")), ...rows.map(line)].join("\n");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
