/** The results in bench/results/: the figures of every run, and where they come from. */
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

export type Results = Readonly<Record<string, GroupResult>>;

export const resultsFolder = join(project, "bench/results");
const file = join(resultsFolder, "results.json");

export async function readResults(): Promise<Results> {
  return JSON.parse(await Deno.readTextFile(file));
}

/** Each group's newest result stands in the place of its last. */
export async function keepResult(name: string, result: GroupResult): Promise<void> {
  await Deno.mkdir(resultsFolder, { recursive: true });
  const before = await readResults().catch(() => ({}));
  await Deno.writeTextFile(file, JSON.stringify({ ...before, [name]: result }, null, 1) + "\n");
}

/** @param loadAverage of the minute before anything was measured */
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

export interface Spread {
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
 * The nearest-rank percentile: the least value that at least `p` of 100 values do not exceed; of an even number of
 * values, the 50th is the lower middle one.
 * @param sorted in ascending order, not empty
 * @param p greater than 0, at most 100
 */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * p / 100) - 1)]!;
}
