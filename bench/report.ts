/** Tables from bench/results/results.json, in the folder of the results. */
import { join } from "node:path";
import { type GroupResult, readResults, type Results, resultsFolder, type Spread, spreadOf } from "./results.ts";

/** @returns the tables, which are also written to tables.md */
export async function writeReport(): Promise<string> {
  const results = await readResults();
  const bars = results["throughput"] ? [`## Bars\n\n${barsTable(results)}`] : [];
  const tables = Object.entries(results).map(([name, group]) => `## ${capital(name)}\n\n${figuresTable(group)}`);
  const text = [...bars, ...tables].join("\n\n") + "\n";
  await Deno.writeTextFile(join(resultsFolder, "tables.md"), text);
  return text;
}

/** Every variant and figure: the median, and in brackets the least and the greatest. */
function figuresTable({ runs, at, commit, machine, versions }: GroupResult): string {
  const names = [...new Set(Object.values(runs).flatMap((each) => Object.keys(each[0] ?? {})))];
  const rows = Object.entries(runs).map(([variant, each]) => {
    const cells = names.map((name) => {
      // JSON has no NaN: what was not to be had is null.
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

/** The promised bars, and the medians against them. */
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
  const grown = (rows: string) => median("growth", rows, "eventsPerSecond") / median("growth", "0", "eventsPerSecond");
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
    ["API calls, cold start of 16", "1", median("cold cache", "16 subscribers", "apiCalls"), ""],
  ];
  return markdown([
    ["figure", "bar", "measured"],
    ...rows.filter(([, , value]) => !Number.isNaN(value)).map((
      [name, bar, value, unit],
    ) => [name, bar, digits(value) + unit]),
  ]);
}

function asWords({ median, min, max }: Spread): string {
  return min === max ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`;
}

/** Three that matter; whole numbers from 100 on. */
function digits(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

function markdown([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head!), line(head!.map((_, i) => i === 0 ? "---" : "---:")), ...rows.map(line)].join("\n");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
