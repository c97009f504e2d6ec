/** Runs one job, and keeps its output until it has ended. */
import { join } from "node:path";
import type { Job } from "./jobs.ts";

export interface Result {
  readonly title: string;
  readonly verdict: "ok" | "FAILED" | "not checked";
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** Stdout and stderr, interleaved. */
  readonly output: string;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Returns the counts in the closing line of `deno test`; zeros when the line is missing, as when a file did not load.
 */
export function countsIn(output: string): Counts {
  const [, passed = "0", failed = "0"] =
    Array.from(output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)).at(-1) ?? [];
  return { passed: Number(passed), failed: Number(failed) };
}

/** Longer than the longest job takes on a slow machine. */
const timeoutMs = 20 * 60_000;

/** @param env variables beside ours */
export async function runJob(
  { title, args, folder = ".", counts = false, tolerates }: Job,
  project: string,
  env: Readonly<Record<string, string>>,
): Promise<Result> {
  const begun = performance.now();
  const late = AbortSignal.timeout(timeoutMs);
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: join(project, folder),
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: late,
  }).spawn();
  let output = "";
  async function collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  }
  const [{ success }] = await Promise.all([child.status, collect(child.stdout), collect(child.stderr)]);
  if (late.aborted) output += `\nTimed out after ${timeoutMs / 60_000} minutes.\n`;
  const { passed, failed } = counts ? countsIn(output) : { passed: 0, failed: 0 };
  // A job without passed tests has failed.
  const sound = success && (!counts || passed > 0);
  const tolerated = !success && tolerates?.(output) === true;
  const verdict = sound ? "ok" : tolerated ? "not checked" : "FAILED";
  return { title, verdict, passed, failed, seconds: (performance.now() - begun) / 1000, output };
}

/**
 * Returns the final summary: the failed jobs with their failures, and the tests' counts as the last line if
 * any test ran. A job that was not checked does not fail the check, but is named: a registry's mirror without
 * advisories would otherwise hide that nothing was audited.
 * @param faults further faults, each a sentence
 */
export function summaryOf(
  results: readonly Result[],
  faults: readonly string[] = [],
): { readonly text: string; readonly status: number } {
  const broken = results.filter(({ verdict }) => verdict === "FAILED");
  const notAsked = results.filter(({ verdict }) => verdict === "not checked");
  const sum = (count: "passed" | "failed") => results.reduce((total, result) => total + result[count], 0);
  const isWell = broken.length + faults.length === 0;
  const lines = [
    ...broken.map(({ title, output }) => `── ${title} FAILED:\n${failuresIn(output)}\n`),
    ...faults.map((fault) => `── ${fault}`),
    ...broken.flatMap(({ title, output }) =>
      firstFailureIn(output).map((said) => `First failure of ${title}: ${said}`)
    ),
    ...broken.length > 0 ? [`Failed: ${broken.map(({ title }) => title).join(", ")}.`] : [],
    ...notAsked.length > 0 ? [`Not checked: ${notAsked.map(({ title }) => title).join(", ")}.`] : [],
    ...isWell ? [notAsked.length > 0 ? "All other checks passed." : "All checks passed."] : [],
    ...sum("passed") > 0 || !isWell
      ? [`${sum("passed")} passed, ${isWell ? 0 : Math.max(sum("failed"), 1)} failed`]
      : [],
  ];
  return { text: lines.join("\n"), status: isWell ? 0 : 1 };
}

const mostLines = 60;
/** Deno's heading of the failures of a test run. */
const heading = "\n ERRORS \n";

/**
 * Returns the name and the error of the first test that failed, on one line; nothing for another program. It stands at
 * the end, because the later failures are often its consequence, and a long log loses its middle.
 */
function firstFailureIn(output: string): string[] {
  const at = output.indexOf(heading);
  if (at === -1) return [];
  const said = output.slice(at + heading.length).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return [said.slice(0, 6).join(" | ")];
}

/** Returns Deno's summary of the failures of a test run; for another program, the first lines of its output. */
function failuresIn(output: string): string {
  const said = output.slice(Math.max(output.indexOf(heading), 0)).trim().split("\n");
  return (said.length > mostLines ? [...said.slice(0, mostLines), "…"] : said).join("\n");
}
