/** The jobs of the check, each a run of Deno. */
import { join, relative } from "node:path";
import { programArgs } from "../programs/programs.ts";
import { lastRelease, schemaCheck } from "./releases.ts";
import { schedule } from "./schedule.ts";

export interface Job {
  readonly title: string;
  /** Arguments for Deno. */
  readonly args: readonly string[];
  /** Its working directory, below the project's root. */
  readonly folder?: string;
  /** Whether nothing else may run beside it. */
  readonly alone?: boolean;
  /** Whether its output ends with the counts of a test run. */
  readonly counts?: boolean;
  /** Whether a failure with this output is not the project's fault. */
  readonly tolerates?: (output: string) => boolean;
}

export interface Selection {
  /** Runs every scenario, not only those of the README's promises. */
  readonly all: boolean;
  /** Runs only the jobs whose title contains this text, among all jobs. */
  readonly only?: string | undefined;
}

/** Vulnerabilities that do not affect us, each with reason and date: `{ id: "CVE-2026-1", why: "…" }`. */
const accepted: readonly { readonly id: string; readonly why: string }[] = [];

const auditArgs: readonly string[] = [
  ...["audit", "--level=high"],
  ...accepted.flatMap(({ id }) => ["--ignore", id]),
];

/** Jobs that need no server. */
const steps: readonly Job[] = [
  { title: "types", args: ["check", "--quiet", "."] },
  { title: "format", args: ["fmt", "--check", "--quiet"] },
  { title: "lint", args: ["lint", "--quiet"] },
  { title: "schemas", args: programArgs("@bufbuild/buf/buf", "lint", "proto") },
  { title: `schemas since ${lastRelease.version}`, args: schemaCheck("proto") },
  { title: "Dockerfile", args: programArgs("dockerfile-utils/dockerfile-utils", "lint", "Dockerfile") },
  { title: "generated code", args: ["task", "--quiet", "generate", "--check"] },
  { title: "packages", args: ["task", "--quiet", "sbom", "--check"] },
  auditOf("known vulnerabilities", "."),
  auditOf("known vulnerabilities in the check's programs", "dev/programs"),
];

/** Builds and runs the images. Without a Docker engine, it says so and counts as not asked. */
const images: Job = {
  title: "images in containers",
  args: ["run", "--quiet", "-A", "dev/images/main.ts"],
  alone: true,
  tolerates: (output) => output.includes("not run: no Docker engine answers"),
};

/** Unit and integration tests, which use all cores by themselves. The step "types" has type-checked them. */
const tests: Job = {
  title: "tests",
  args: ["test", "--doc", "--no-check", "--parallel", "--allow-net"],
  alone: true,
  counts: true,
};

/** @returns the jobs in starting order */
export async function selectJobs(project: string, { all, only }: Selection): Promise<{ before: Job[]; after: Job[] }> {
  const isChosen = ({ title }: Job) => only === undefined || title.includes(only);
  const scenarios = (await scenarioFiles(project)).map((file) => ({ file, ...schedule[nameOf(file)] }))
    .filter(({ promise }) => all || only !== undefined || promise !== undefined)
    .sort((a, b) => Number(!!a.alone) - Number(!!b.alone) || (b.seconds ?? 30) - (a.seconds ?? 30))
    .map(({ file, alone }): Job => ({
      title: nameOf(file),
      args: ["test", "--quiet", "--no-check", "--allow-all", file],
      alone: alone !== undefined,
      counts: true,
    }));
  const needingServers = [tests, ...all || only !== undefined ? [images] : [], ...scenarios];
  return { before: steps.filter(isChosen), after: needingServers.filter(isChosen) };
}

/** Audits the packages in the folder's lock against the registry. */
function auditOf(title: string, folder: string): Job {
  return { title, folder, args: auditArgs, tolerates: (output) => verdictOf(false, output) === "not asked" };
}

/** Deno's own error line, which no advisory's text can imitate. A mirror may have packages but no advisories. */
const notAsked = /^error: (error sending request|Failed to (get data|deserialize response) from the (npm )?registry)/m;

/**
 * An unreachable registry does not block a change: the next run asks again.
 * @param output without colours
 */
export function verdictOf(success: boolean, output: string): "sound" | "vulnerable" | "not asked" {
  if (success) return "sound";
  return !/^Found \d+ vulnerabilit/m.test(output) && notAsked.test(output) ? "not asked" : "vulnerable";
}

/** @returns paths below the project, such as `tests/scenarios/faults/killed_scenario.ts`, in alphabetical order */
export async function scenarioFiles(project: string): Promise<string[]> {
  const folder = join(project, "tests/scenarios");
  const files: string[] = [];
  for await (const theme of Deno.readDir(folder)) {
    if (!theme.isDirectory) continue;
    for await (const { name } of Deno.readDir(join(folder, theme.name))) {
      if (name.endsWith("_scenario.ts")) files.push(relative(project, join(folder, theme.name, name)));
    }
  }
  return files.sort();
}

/** Returns `faults/killed` for `tests/scenarios/faults/killed_scenario.ts`. */
export function nameOf(file: string): string {
  return file.replace(/^tests\/scenarios\//, "").replace(/_scenario\.ts$/, "");
}
