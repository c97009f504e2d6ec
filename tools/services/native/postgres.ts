/** Postgres, with a superuser whose password is known to nobody but us. Durability is left as Postgres has it: on. */
import { join } from "node:path";
import type { Launch, NativeContext, NativeServer } from "../process.ts";
import { listenAddress, ServiceError } from "../server.ts";
import { endOf } from "../../run_program.ts";

/** Holds the superuser's password; lies beside the data. */
export const superuserFile = "superuser-password";

const versions = [18, 17, 16, 15, 14];

export const postgres: NativeServer = {
  name: "postgres",
  programs: { server: candidates("postgres"), initdb: candidates("initdb") },
  user: "postgres",
  async prepare(context): Promise<Launch[]> {
    const { folder, programs, url } = context;
    const data = join(folder, "data");
    const version = await readIfThere(join(data, "PG_VERSION"));
    if (version === undefined) await initialise(context, data);
    const program = version === undefined
      ? programs["server"]!
      : await ofVersion(version.trim(), programs["server"]!, data);
    await removeStaleLock(data);
    return [serverOn(data, program, url)];
  },
};

/** The server of a cluster that has been made. */
export function serverOn(data: string, program: string, url: URL): Launch {
  const settings = {
    port: url.port,
    listen_addresses: listenAddress(url),
    // A socket's path is at most 107 bytes long, and a project's may be longer.
    unix_socket_directories: "",
    logging_collector: "off",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  // SIGTERM would wait for clients to leave, SIGINT sends them away: PostgreSQL documentation, 19.5.
  return { name: "postgres", program, args: ["-D", data, ...args], stopSignal: "SIGINT" };
}

/** A half-made cluster never gets the name of a whole one. */
async function initialise({ folder, programs, run }: NativeContext, data: string): Promise<void> {
  const unfinished = `${data}.new`;
  await Deno.remove(unfinished, { recursive: true }).catch(() => {});
  const passwordFile = join(folder, superuserFile);
  await Deno.writeTextFile(passwordFile, crypto.randomUUID());
  // The server's user reads it, whatever our umask is; nobody else gets into the folder.
  await Deno.chmod(passwordFile, 0o644);
  await run(programs["initdb"]!, [
    ...["--pgdata", unfinished, "--encoding", "UTF8", "--locale", "C"],
    ...["--username", "postgres", "--auth", "scram-sha-256", "--pwfile", passwordFile],
  ]);
  await Deno.rename(unfinished, data);
}

/** Data of one major version is opened by that version only. */
async function ofVersion(version: string, program: string, data: string): Promise<string> {
  const found = /(?:postgresql[/@]|pgsql-)(\d+)/.exec(program)?.[1];
  if (found === undefined || found === version) return program;
  const right = program.replace(/(postgresql[/@]|pgsql-)\d+/, `$1${version}`);
  if (await Deno.stat(right).then(() => true, () => false)) return right;
  throw new ServiceError(
    `${data} is of Postgres ${version}, but ${program} is what is here: install Postgres ${version}, ` +
      "or run `deno task down --delete-data`.",
  );
}

/**
 * After an unclean stop the lock names a pid that may be another's by now, and Postgres then refuses to start. One that
 * does not run on this data is no reason to.
 */
async function removeStaleLock(data: string): Promise<void> {
  const lock = join(data, "postmaster.pid");
  const pid = (await readIfThere(lock))?.split("\n")[0]?.trim();
  if (pid === undefined) return;
  const command = await endOf("cat", [`/proc/${pid}/cmdline`]);
  if (Deno.build.os === "linux" && !command.stdout.split("\0").includes(data)) await Deno.remove(lock);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}

function candidates(name: string): string[] {
  return [
    ...versions.map((version) => `/usr/lib/postgresql/${version}/bin/${name}`),
    ...versions.map((version) => `/usr/pgsql-${version}/bin/${name}`),
    ...versions.map((version) => `/opt/homebrew/opt/postgresql@${version}/bin/${name}`),
    name,
  ];
}
