/** Commands of the manifests, with their permissions and environment, as processes on this machine. */
import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { argumentsOf, environmentOf, type Json, type Manifest, workloadsOf } from "../../../dev/kubernetes/manifest.ts";
import { project } from "../../harness/world.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";

export interface Place {
  /** Replaces the cluster's names and paths by those of this machine. */
  readonly here: (text: string) => string;
  /** Variables beside those of the manifests. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

interface Ended {
  readonly code: number;
  /** Stdout, then stderr. */
  readonly said: string;
}

export class ManifestCommands {
  constructor(private readonly manifests: readonly Manifest[], private readonly place: Place) {}

  /** @param more arguments after those of the container */
  command(name: string, stdout: "piped" | "null", more: readonly string[] = [], stdin?: "piped"): Deno.Command {
    const { manifests, place: { here, env = {} } } = this;
    const containers = workloadsOf(manifests).flatMap(({ all }) => all) as Json[];
    const container = containers.find((found) => found.name === name)!;
    const [, ...args] = [...argumentsOf(container, manifests).map(here), ...more];
    const given = Object.entries(environmentOf(container, manifests)).map(([name, value]) => [name, here(value)]);
    return processOf(args, { ...Object.fromEntries(given), ...env }, stdout, stdin);
  }

  async end(name: string, more: readonly string[] = [], input?: string): Promise<Ended> {
    const child = this.command(name, "piped", more, "piped").spawn();
    const writer = child.stdin.getWriter();
    if (input !== undefined) await writer.write(new TextEncoder().encode(input));
    await writer.close();
    return endedOf(await child.output());
  }

  /** Runs what must succeed. @returns stdout, then stderr */
  async run(name: string, more: readonly string[] = [], input?: string): Promise<string> {
    const { code, said } = await this.end(name, more, input);
    if (code !== 0) throw new Error(`${name} exits with ${code}: ${said}`);
    return said;
  }

  /** Runs what a person types, from "Commands" of docs/kubernetes.md. */
  async typed(words: string, input?: string): Promise<string> {
    const [cronJob, ...more] = await startedBy(words);
    return await this.run(cronJob!, more, input);
  }
}

/** The process has these variables alone, and those by which Deno finds its cache. */
export function processOf(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdout: "piped" | "null" = "piped",
  stdin: "piped" | "null" = "null",
): Deno.Command {
  const own = ["HOME", "DENO_DIR", "PATH"].flatMap((name) => Deno.env.has(name) ? [[name, Deno.env.get(name)!]] : []);
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: project,
    env: { ...env, NO_COLOR: "1", ...Object.fromEntries(own) },
    clearEnv: true,
    stdin,
    stdout,
    stderr: stdout === "piped" ? "piped" : "inherit",
  });
}

export function endedOf({ code, stdout, stderr }: Deno.CommandOutput): Ended {
  return { code, said: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
}

/** Runs the functions of commands.sh with a kubectl that records its arguments. @returns CronJob, arguments */
async function startedBy(words: string): Promise<string[]> {
  const functions = await Deno.readTextFile(join(project, "deploy/kubernetes/commands.sh"));
  await using folder = await TemporaryFolder.make("casino-kubectl-");
  const said = join(folder.path, "said");
  const script = `#!/bin/sh\n[ "$1" = -n ] && shift 2\nprintf '%s\\n' "$@" >>"${said}-$1"\n`;
  await folder.write("kubectl", script, 0o755);
  await runProgram("bash", ["-euc", `${functions}\n${words}`], {
    env: { PATH: `${folder.path}:${Deno.env.get("PATH")}` },
  });
  const flag = async (name: string, verb: string) =>
    (await Deno.readTextFile(`${said}-${verb}`)).split("\n").find((line) => line.startsWith(name))!.slice(
      name.length,
    );
  const patch = parse(await flag("--patch=", "patch")) as { op: string; path: string; value: string }[];
  for (const { op, path } of patch) deepStrictEqual([op, path], ["add", "/spec/template/spec/containers/0/args/-"]);
  return [await flag("--from=cronjob/", "create"), ...patch.map(({ value }) => value)];
}
