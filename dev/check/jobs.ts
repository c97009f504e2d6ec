/** What the check consists of, each a run of Deno. */
import { lastRelease, schemaCheck } from "../../tests/releases/releases.ts";
import { schedule } from "../../tests/scenarios/schedule.ts";
import { programArgs } from "../programs/programs.ts";
import { auditArgs, verdictOf } from "./audit.ts";
import { scenarioFiles } from "./scenarios.ts";

export interface Job {
  readonly title: string;
  /** Of Deno. */
  readonly args: readonly string[];
  /** Where it runs, below the project's root. */
  readonly folder?: string;
  /** Nothing else may run beside it. */
  readonly alone?: boolean;
  /** Its output ends with the counts of a test run. */
  readonly counts?: boolean;
  /** Whether a failure with this output is none of ours. */
  readonly tolerates?: (output: string) => boolean;
}

export interface Selection {
  /** Every scenario, and not just those of the README's promises. */
  readonly all: boolean;
  /** Of everything there is, what has this in its title. */
  readonly only?: string | undefined;
}

/** What needs no server. */
export const steps: readonly Job[] = [
  { title: "types", args: ["check", "--quiet", "."] },
  { title: "format", args: ["fmt", "--check", "--quiet"] },
  { title: "lint", args: ["lint", "--quiet"] },
  { title: "schemas", args: programArgs("@bufbuild/buf/buf", "lint", "proto") },
  { title: `schemas since ${lastRelease.version}`, args: schemaCheck("proto") },
  { title: "Dockerfile", args: programArgs("dockerfile-utils/dockerfile-utils", "lint", "Dockerfile") },
  { title: "generated code", args: ["task", "--quiet", "generate", "--check"] },
  { title: "packages", args: ["task", "--quiet", "sbom", "--check"] },
  auditOf("known vulnerabilities", "."),
  auditOf("known vulnerabilities of the check's programs", "dev/programs"),
];

/** Asks the registry about what the folder's lock pins. */
function auditOf(title: string, folder: string): Job {
  return { title, folder, args: auditArgs, tolerates: (output) => verdictOf(false, output) === "not asked" };
}

/** Builds and runs the images, where a Docker engine answers; where none does, it says so and counts as not asked. */
const images: Job = {
  title: "images in containers",
  args: ["run", "--quiet", "-A", "dev/images/main.ts"],
  alone: true,
  tolerates: (output) => output.includes("not run: no Docker engine answers"),
};

/** Unit and integration tests, which fill the cores by themselves. The step "types" has checked them. */
export const tests: Job = {
  title: "tests",
  args: ["test", "--no-check", "--parallel", "--allow-net"],
  alone: true,
  counts: true,
};

/** @returns in the order in which they begin */
export async function selectJobs(project: string, { all, only }: Selection): Promise<{ before: Job[]; after: Job[] }> {
  const scenarios = (await scenarioFiles(project)).map((file) => ({ ...scenarioOf(file), file }));
  const isChosen = ({ title }: Job) => only === undefined || title.includes(only);
  const chosen = scenarios.filter(({ file, ...job }) => isChosen(job) && (all || only !== undefined || promiseOf(file)))
    .sort((a, b) => Number(a.alone) - Number(b.alone) || secondsOf(b.file) - secondsOf(a.file));
  return {
    before: steps.filter(isChosen),
    after: [
      ...[tests, ...(all || only !== undefined ? [images] : [])].filter(isChosen),
      ...chosen.map(({ file: _, ...job }) => job),
    ],
  };
}

/** `faults/killed` of `tests/scenarios/faults/killed_scenario.ts`. */
export function nameOf(file: string): string {
  return file.replace(/^tests\/scenarios\//, "").replace(/_scenario\.ts$/, "");
}

function scenarioOf(file: string) {
  return {
    title: nameOf(file),
    args: ["test", "--quiet", "--no-check", "--allow-all", file],
    alone: schedule[nameOf(file)]?.alone !== undefined,
    counts: true,
  };
}

function promiseOf(file: string): boolean {
  return schedule[nameOf(file)]?.promise !== undefined;
}

function secondsOf(file: string): number {
  return schedule[nameOf(file)]?.seconds ?? 30;
}
