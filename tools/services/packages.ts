/** The programs that native servers need: found, installed where that is allowed, or asked for. */
import { runToEnd } from "./process.ts";
import { type NativeServer, type ServerName, ServiceError, titles } from "./server.ts";

type Packages = Readonly<Record<ServerName, string>>;

const debian: Packages = { rabbitmq: "rabbitmq-server", redis: "redis-server", postgres: "postgresql" };
const others: readonly { readonly tool: string; readonly command: string; readonly packages: Packages }[] = [
  { tool: "apt-get", command: "sudo apt-get install -y", packages: debian },
  {
    tool: "brew",
    command: "brew install",
    packages: { rabbitmq: "rabbitmq", redis: "redis", postgres: "postgresql@17" },
  },
  {
    tool: "dnf",
    command: "sudo dnf install -y",
    packages: { rabbitmq: "rabbitmq-server", redis: "redis", postgres: "postgresql-server" },
  },
];

/** The path of each program of the server; `undefined` when one is missing. */
export async function findPrograms({ programs }: NativeServer): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  for (const [role, candidates] of Object.entries(programs)) {
    const path = await firstFound(candidates);
    if (path === undefined) return undefined;
    found[role] = path;
  }
  return found;
}

/**
 * Installs the servers' packages as root with apt; Debian's habit of starting a server at once is suspended meanwhile.
 * @throws {ServiceError} with the one line to run, when we may not
 */
export async function install(names: readonly ServerName[], say: (sentence: string) => void): Promise<void> {
  const manager = await firstWithTool();
  const list = names.map((name) => titles[name]).join(", ");
  if (!manager) {
    throw new ServiceError(`${list} not found on this machine: install them, or set their URLs to servers elsewhere.`);
  }
  const packages = names.map((name) => manager.packages[name]);
  if (manager.tool !== "apt-get" || Deno.uid() !== 0) {
    throw new ServiceError(
      `${list} not found on this machine. Run this, then try again:\n\n  ${manager.command} ${packages.join(" ")}\n`,
    );
  }
  await aptInstall(packages, say);
}

/** Installs Debian packages; we are root. */
export async function aptInstall(packages: readonly string[], say: (sentence: string) => void): Promise<void> {
  say(`Installing ${packages.join(", ")} with apt-get…`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await runToEnd("apt-get", ["update"], { env });
  await withoutStartingServices(() =>
    runToEnd("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env })
  );
}

/** invoke-rc.d(8) asks this file before it starts a service; 101 forbids it. */
const policy = "/usr/sbin/policy-rc.d";

async function withoutStartingServices(act: () => Promise<unknown>): Promise<void> {
  const present = await Deno.lstat(policy).then(() => true, () => false);
  if (!present) await Deno.writeTextFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await act();
  } finally {
    if (!present) await Deno.remove(policy);
  }
}

async function firstWithTool() {
  for (const manager of others) {
    if (await firstFound([manager.tool])) return manager;
  }
  return undefined;
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
