/** `deno task compat`: the integration tests against the servers of another Debian release. */
import { join } from "node:path";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { runProgram } from "../../tools/run_program.ts";
import { ensurePrograms, makeRoot } from "./debian_root.ts";

/**
 * The first process of the namespace. It keeps running, because it reaps orphaned servers. When it ends, the kernel
 * kills the remaining processes and removes the mounts.
 */
const first = `set -eu
root=$1 project=$2 deno=$3 deno_dir=$4
shift 4
ip link set lo up
mount --bind "$project" "$root/srv/project"
# The servers that \`up\` starts in there are none of those that it has started out here.
mount -t tmpfs -o mode=711 tmpfs "$root/srv/project/.services"
mount --bind "$deno_dir" "$root/srv/deno-dir"
mount --bind "$deno" "$root/usr/local/bin/deno"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \\
  DENO_DIR=/srv/deno-dir NO_COLOR=1 deno run --quiet -A /srv/project/dev/compat/inside.ts "$@"
`;

await runCommand({
  name: "deno task compat",
  summary:
    "Runs the integration tests and the scenarios against RabbitMQ, Redis and Postgres of another Debian release, in a\n" +
    "network of their own: servers on this machine's ports are left alone. Needs root, and a machine with apt.",
  flags: {
    release: { value: "NAME", help: "which release [trixie]", choices: ["bookworm", "trixie", "forky"] },
    only: {
      value: "WORD",
      help: "only the scenarios whose names begin with WORD; `integration` for the integration tests",
    },
    fresh: { help: "install the release anew, rather than use what an earlier run has left in .services/compat" },
  },
  settings: [],
  examples: [
    "deno task compat",
    "deno task compat --only broker_faults",
    "deno task compat --only integration",
    "deno task compat --fresh",
  ],
}, async ({ flags }) => {
  const project = join(import.meta.dirname!, "../..");
  await ensurePrograms(console.log);
  const root = await makeRoot(project, flags.release ?? "trixie", { fresh: flags.fresh, say: console.log });
  return await runInside(root, project, flags.only === undefined ? [] : [flags.only]);
});

/**
 * Runs inside.ts in the root, with its own processes, mounts and loopback.
 * @returns the exit status of inside.ts
 */
async function runInside(root: string, project: string, args: readonly string[]): Promise<number> {
  const deno = Deno.execPath();
  // The namespace has no access to a registry.
  for (const config of ["deno.json", "dev/programs/deno.json"]) {
    await runProgram(deno, ["install", "--frozen", "--quiet", "--config", config], { cwd: project });
  }
  const { denoDir } = JSON.parse(await runProgram(deno, ["info", "--json"]));
  for (const folder of ["srv/project", "srv/deno-dir"]) await Deno.mkdir(join(root, folder), { recursive: true });
  await Deno.writeFile(join(root, "usr/local/bin/deno"), new Uint8Array(), { mode: 0o755 });
  const child = new Deno.Command("unshare", {
    args: [
      ...["--net", "--mount", "--pid", "--fork", "--kill-child"],
      ...["sh", "-c", first, "compat", root, project, deno, denoDir, ...args],
    ],
    stdin: "null",
  }).spawn();
  return (await child.status).code;
}
