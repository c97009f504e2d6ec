/** The one gate: format, lint, schemas, generated code, types, and all tests. */
import { join } from "node:path";
import { lastRelease, schemaCheck } from "../release/releases.ts";
import { auditArgs, verdictOf } from "./audit.ts";
import { ensureBrowser } from "./browser.ts";
import { ensureForeignClients } from "./foreign_clients.ts";
import { ensureOperatorsPrograms } from "./operators_programs.ts";
import { outcomeOf } from "./outcome.ts";

const root = join(import.meta.dirname!, "../..");
const deno = Deno.execPath();

interface Step {
  readonly title: string;
  readonly args: readonly string[];
  /** Its output ends with the counts of a test run. */
  readonly counts?: boolean;
  /** Whether a failure with this output is none of ours. */
  readonly tolerates?: (output: string) => boolean;
}

const steps: readonly Step[] = [
  { title: "format", args: ["fmt", "--check", "--quiet"] },
  { title: "lint", args: ["lint", "--quiet"] },
  { title: "schemas", args: ["run", "--quiet", "-A", "@bufbuild/buf/buf", "lint", "proto"] },
  { title: `schemas since ${lastRelease.version}`, args: schemaCheck("proto") },
  { title: "generated code", args: ["task", "--quiet", "generate", "--check"] },
  { title: "packages", args: ["task", "--quiet", "sbom", "--check"] },
  { title: "known vulnerabilities", args: auditArgs, tolerates: (output) => verdictOf(false, output) === "not asked" },
  { title: "types", args: ["check", "--quiet", "."] },
  { title: "tests", args: ["test", "--allow-net"], counts: true },
  { title: "scenarios", args: ["test", "--quiet", "-A", ...await scenarios()], counts: true },
];

const pinned = "2.9.3";

/** Why this Deno will not do, or `undefined`. */
export function wrongDeno(): string | undefined {
  if (Deno.version.deno === pinned) return undefined;
  return `This is Deno ${Deno.version.deno}, but the project is pinned to ${pinned}: npx -y deno@${pinned} task ok`;
}

/** Runs all steps, whatever comes of them, and ends with the tests' counts. @returns the exit status */
export async function runGate(): Promise<number> {
  for (const ensure of [ensureForeignClients, ensureBrowser, ensureOperatorsPrograms]) {
    const missing = await ensure();
    if (missing) console.error(missing);
  }

  let passed = 0;
  let failed = 0;
  const broken: string[] = [];
  const notAsked: string[] = [];
  for (const { title, args, counts, tolerates } of steps) {
    const begun = performance.now();
    console.log(`\n── ${title}: deno ${args.join(" ")}`);
    const { success: ended, output } = await run(args);
    const tolerated = !ended && tolerates?.(output) === true;
    const success = ended || tolerated;
    if (counts) {
      const [, ok = "0", bad = "0"] =
        /(\d+) passed.*? (\d+) failed/.exec(output.slice(output.lastIndexOf(" passed") - 12)) ?? [];
      passed += Number(ok);
      failed += Number(bad);
      if (Number(ok) === 0) broken.push(`${title} (ran nothing)`);
    }
    if (!success) broken.push(title);
    if (tolerated) notAsked.push(title);
    console.log(
      `── ${title}: ${tolerated ? "could not be asked" : success ? "ok" : "FAILED"} in ${
        ((performance.now() - begun) / 1000).toFixed(1)
      } s`,
    );
  }
  console.log(`\n${outcomeOf(broken, notAsked)}`);
  console.log(`${passed} passed, ${broken.length > 0 ? Math.max(failed, 1) : failed} failed`);
  return broken.length === 0 ? 0 : 1;
}

async function scenarios(): Promise<string[]> {
  const files = (await Array.fromAsync(Deno.readDir(join(root, "e2e")))).map(({ name }) => name);
  return files.filter((name) => name.endsWith("_scenario.ts")).sort().map((name) => `e2e/${name}`);
}

/** Shows the output as it comes, and keeps it. */
async function run(args: readonly string[]): Promise<{ success: boolean; output: string }> {
  const env = { NO_COLOR: "1" };
  const child = new Deno.Command(deno, { args: [...args], cwd: root, env, stdout: "piped", stderr: "piped" }).spawn();
  let output = "";
  async function tee(stream: ReadableStream<Uint8Array>, to: { writeSync(bytes: Uint8Array): number }): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      for (let done = 0; done < chunk.length;) done += to.writeSync(chunk.subarray(done));
    }
  }
  await Promise.all([tee(child.stdout, Deno.stdout), tee(child.stderr, Deno.stderr)]);
  return { success: (await child.status).success, output };
}
