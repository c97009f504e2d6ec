/** The model's answers as tables of Markdown, which can be read as they are. */
import { runCrowd } from "../../tests/simulation/crowd/crowd.ts";
import { scenarios } from "../../tests/simulation/crowd/scenarios.ts";
import { type Load, usualLoad } from "./model.ts";
import { limitsOf, needsOf } from "./plan.ts";
import { pointsOf } from "./points.ts";

/** @param loads events a second, a column for each */
export function planTable(loads: readonly number[], load: Load = usualLoad): string {
  const columns = loads.map((each) => needsOf(each, load));
  const rows = columns[0]!.map(({ what, unit, from }, i) => [
    unit ? `${what}, ${unit}` : what,
    ...columns.map((needs) => shown(needs[i]!.amount)),
    from,
  ]);
  return table([["needed", ...loads.map((each) => `${shown(each)}/s`), "from"], ...rows]);
}

/** What there is one of gives way here. */
export function limitsTable(load: Load = usualLoad): string {
  const rows = limitsOf(load).map(({ what, eventsPerSecond }) => [what, shown(eventsPerSecond)]);
  return table([["first to give way", "events/s"], ...rows]);
}

export function pointsTable(): string {
  const rows = pointsOf().map(({ name, measured, predicted, residual, known }) => [
    name,
    shown(measured),
    shown(predicted),
    `${residual < 0 ? "−" : "+"}${Math.abs(residual * 100).toFixed(0)} %${known ? "" : ", not modelled"}`,
  ]);
  return table([["benchmark", "measured", "model", "off by"], ...rows]);
}

/** @throws {InvariantError} */
export async function ratesTable(workers: number, seed: number): Promise<string> {
  const results = [];
  for (const scenario of scenarios) {
    results.push({ name: scenario.name, result: await runCrowd(scenario, workers, seed) });
  }
  const ms = (value: number | undefined) => value === undefined ? "never" : shown(Math.round(value));
  const rows = results.map(({ name, result }) => [
    name,
    shown(result.calls),
    shown(result.peakLooks),
    shown(Math.round(result.meanLooks)),
    `${Math.round(result.redisShare * 100)} %`,
    ms(result.firstMs),
    ms(result.halfMs),
    ms(result.allMs),
    shown(result.timeouts),
  ]);
  const head = ["case", "calls", "looks/s, peak", "mean", "of Redis", "first, ms", "half, ms", "all, ms", "timed out"];
  return table([head, ...rows]);
}

function shown(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return Number(value.toFixed(digits)).toLocaleString("en");
}

/** As deno fmt has it: the first column of words to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const isNumber = (column: number) => rows.slice(1).every((row) => /^[−+\d]|^never/.test(row[column]!));
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${
    widths.map((width, i) => isNumber(i) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)).join(" | ")
  } |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}
