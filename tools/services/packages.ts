/** Finds the programs that native servers need, and installs them where permitted, or tells the user how to. */
import { dirname } from "node:path";
import { runProgram } from "../run_program.ts";
import type { NativeServer } from "./process.ts";
import { type ServerName, ServiceError, titles } from "./server.ts";

type Packages = Readonly<Record<ServerName, string>>;

export interface PackageTool {
  readonly program: string;
  /** The install command, without the package names. */
  readonly command: string;
  readonly packages: Packages;
}

const tools: readonly PackageTool[] = [
  {
    program: "apt-get",
    command: "sudo apt-get update && sudo apt-get install -y --no-install-recommends",
    packages: { rabbitmq: "rabbitmq-server", redis: "redis-server", postgres: "postgresql" },
  },
  {
    program: "brew",
    command: "brew install",
    packages: { rabbitmq: "rabbitmq", redis: "redis", postgres: "postgresql@17" },
  },
  {
    program: "dnf",
    command: "sudo dnf install -y",
    packages: { rabbitmq: "rabbitmq-server", redis: "redis", postgres: "postgresql-server" },
  },
];

/** Returns the path of each program of the server; `undefined` when one is missing. */
export async function findPrograms(
  { programs }: Pick<NativeServer, "programs">,
): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  for (const [role, candidates] of Object.entries(programs)) {
    const path = await firstFound(candidates);
    if (path === undefined) return undefined;
    found[role] = path;
  }
  return found;
}

/**
 * Installs the servers' packages with apt as root, and keeps Debian from starting the servers meanwhile.
 * @throws {ServiceError} with the one line to run, when not permitted
 */
export async function install(names: readonly ServerName[], say: (sentence: string) => void): Promise<void> {
  let tool: PackageTool | undefined;
  for (const each of tools) if (!tool && await firstFound([each.program])) tool = each;
  if (tool?.program !== "apt-get" || Deno.uid() !== 0) throw new ServiceError(whatToInstall(names, tool));
  await aptInstall(names.map((name) => tool.packages[name]), say);
}

/** Returns one sentence, and one line to run if the machine's package tool is known. */
export function whatToInstall(names: readonly ServerName[], tool: PackageTool | undefined): string {
  const list = names.map((name) => titles[name]).join(", ");
  if (!tool) return `${list} not found on this machine: install them, or set their URLs to servers elsewhere.`;
  const line = `${tool.command} ${names.map((name) => tool.packages[name]).join(" ")}`;
  return `${list} not found on this machine. Run this, then try again:\n\n  ${line}\n`;
}

/** Installs Debian packages; requires root. */
export async function aptInstall(packages: readonly string[], say: (sentence: string) => void): Promise<void> {
  say(`Installing ${packages.join(", ")} with apt-get…`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await runProgram("apt-get", ["update"], { env });
  await withFiles(
    restraints,
    () => runProgram("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env }),
  );
}

interface RestrainingFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Files that keep Debian from starting a server during its installation. */
export const restraints: readonly RestrainingFile[] = [
  // invoke-rc.d(8) runs this program before it starts a service; exit status 101 forbids the start.
  { path: "/usr/sbin/policy-rc.d", text: "#!/bin/sh\nexit 101\n", mode: 0o755 },
  // pg_createcluster(1): do not create a cluster for the system.
  {
    path: "/etc/postgresql-common/createcluster.d/casino-events.conf",
    text: "create_main_cluster = false\n",
    mode: 0o644,
  },
];

const deadlySignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Keeps the files while `act` runs, and removes them afterwards, also after Ctrl-C. Does not touch existing files. */
async function withFiles(files: readonly RestrainingFile[], act: () => Promise<unknown>): Promise<void> {
  const made: string[] = [];
  const removeAll = () => made.splice(0).forEach((path) => Deno.removeSync(path));
  const leave = () => {
    removeAll();
    Deno.exit(1);
  };
  for (const signal of deadlySignals) Deno.addSignalListener(signal, leave);
  try {
    for (const { path, text, mode } of files) {
      if (await Deno.lstat(path).then(() => true, () => false)) continue;
      await Deno.mkdir(dirname(path), { recursive: true });
      made.push(path);
      await Deno.writeTextFile(path, text, { mode, createNew: true });
      await Deno.chmod(path, mode);
    }
    await act();
  } finally {
    removeAll();
    for (const signal of deadlySignals) Deno.removeSignalListener(signal, leave);
  }
}

async function firstFound(candidates: readonly string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    const folders = candidate.includes("/")
      ? [""]
      : (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin").map((folder) => `${folder}/`);
    for (const folder of folders) {
      const stat = await Deno.stat(folder + candidate).catch(() => undefined);
      if (stat?.isFile) return folder + candidate;
    }
  }
  return undefined;
}
