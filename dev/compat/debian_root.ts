/** A Debian release in a folder, with the three servers installed. */
import { dirname, join } from "node:path";
import { scenarioPackages } from "../check/debian_programs.ts";
import { aptInstall, restraints } from "../../tools/services/packages.ts";
import { runProgram, succeeds } from "../../tools/run_program.ts";
import { ServiceError } from "../../tools/services/server.ts";

/**
 * Packages beside the servers: the harness uses them to look up processes, create certificates, and read the last
 * release.
 */
const packages = [
  "rabbitmq-server",
  "redis-server",
  "postgresql",
  "procps",
  "openssl",
  "git",
  ...scenarioPackages,
];

const programs = { debootstrap: "debootstrap", unshare: "util-linux", ip: "iproute2" } as const;

/** Installs the programs that create a root and run in it. @throws {ServiceError} when not permitted */
export async function ensurePrograms(say: (sentence: string) => void): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    throw new ServiceError("deno task compat makes a root and a network of its own, which takes root on Linux.");
  }
  const missing: string[] = [];
  for (const [program, name] of Object.entries(programs)) {
    if (!await succeeds(program, [program === "ip" ? "-V" : "--version"])) missing.push(name);
  }
  if (missing.length > 0) await aptInstall(missing, say);
}

/** @returns the folder; reuses that of an earlier run, unless `fresh` */
export async function makeRoot(
  project: string,
  release: string,
  { fresh, say }: { readonly fresh: boolean; readonly say: (sentence: string) => void },
): Promise<string> {
  const folder = join(project, ".services", "compat");
  const root = join(folder, release);
  if (fresh) await remove(root);
  if (await Deno.stat(root).then(() => true, () => false)) {
    // An earlier version may have installed fewer packages.
    if (!await hasAll(root)) await installIn(root);
    return root;
  }
  // With the same mode as `up` uses: the servers' users pass through the folder.
  await Deno.mkdir(join(project, ".services"), { mode: 0o711, recursive: true });
  await Deno.mkdir(folder, { recursive: true });
  // The root gets its final name only when it is complete.
  const unfinished = `${root}.new`;
  await remove(unfinished);
  say(`Installing Debian ${release} in ${root}, which takes some minutes…`);
  const mirror = await mirrorOfApt();
  await runProgram("debootstrap", ["--variant=minbase", release, unfinished, ...mirror === undefined ? [] : [mirror]]);
  await installIn(unfinished);
  await Deno.rename(unfinished, root);
  return root;
}

async function hasAll(root: string): Promise<boolean> {
  const states = await runProgram("chroot", [root, "dpkg-query", "-W", "-f", "${Status}\n", ...packages]).catch(() =>
    ""
  );
  return states.split("\n").filter((state) => state === "install ok installed").length === packages.length;
}

async function installIn(root: string): Promise<void> {
  for (const { path, text, mode } of restraints) {
    await Deno.mkdir(join(root, dirname(path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text, { mode });
  }
  await Deno.copyFile("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  await runProgram("chroot", [root, "apt-get", "update"], { env });
  await runProgram("chroot", [root, "apt-get", "install", "-y", "--no-install-recommends", ...packages], { env });
  await runProgram("chroot", [root, "apt-get", "clean"], { env });
}

/** Returns the mirror of this machine's apt. Where the machine is not Debian, debootstrap's default applies. */
async function mirrorOfApt(): Promise<string | undefined> {
  const filters = ["Created-By: Packages", "Origin: Debian", "Component: main"];
  const format = ["--format", "$(REPO_URI) $(LABEL)"];
  const lines = (await runProgram("apt-get", ["indextargets", ...format, ...filters])).split("\n");
  return lines.find((line) => line.endsWith(" Debian"))?.split(" ")[0];
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
