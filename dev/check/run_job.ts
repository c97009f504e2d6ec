/** Runs one job, and keeps what it says until it has ended. */
import { join } from "node:path";
import type { Job } from "./jobs.ts";

export interface Result {
  readonly title: string;
  readonly verdict: "ok" | "FAILED" | "could not be asked";
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** Stdout and stderr, as they came. */
  readonly output: string;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Of the output of `deno test`: its closing line; zeros when there is none, as when a file did not load. */
export function countsIn(output: string): Counts {
  const [, passed = "0", failed = "0"] =
    Array.from(output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)).at(-1) ?? [];
  return { passed: Number(passed), failed: Number(failed) };
}

/** Longer than the longest takes on a slow machine. */
const timeoutMs = 20 * 60_000;

/** @param env beside ours */
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
  if (late.aborted) output += `\nIt did not end within ${timeoutMs / 60_000} minutes.\n`;
  const { passed, failed } = counts ? countsIn(output) : { passed: 0, failed: 0 };
  // Where no test ran, none was passed.
  const sound = success && (!counts || passed > 0);
  const tolerated = !success && tolerates?.(output) === true;
  const verdict = sound ? "ok" : tolerated ? "could not be asked" : "FAILED";
  return { title, verdict, passed, failed, seconds: (performance.now() - begun) / 1000, output };
}
