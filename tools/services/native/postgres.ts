/** A native Postgres. Only we know its superuser's password. Durability stays at Postgres's default: on. */
import { join } from "node:path";
import type { Launch, NativeContext, NativeServer } from "../process.ts";
import { listenAddress, ServiceError } from "../server.ts";
import { endOf } from "../../run_program.ts";

/** File with the superuser's password, beside the data. */
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

/** Returns the server process of an existing cluster. */
export function serverOn(data: string, program: string, url: URL): Launch {
  const settings = {
    port: url.port,
    listen_addresses: listenAddress(url),
    // A socket's path is limited to 107 bytes, which a project's path may exceed.
    unix_socket_directories: "",
    logging_collector: "off",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  // SIGTERM would wait for the clients to disconnect; SIGINT disconnects them: PostgreSQL documentation, 19.5.
  return { name: "postgres", program, args: ["-D", data, ...args], stopSignal: "SIGINT" };
}

/** Creates the cluster under another name and renames it, so that an incomplete cluster is never used. */
async function initialise({ folder, programs, run }: NativeContext, data: string): Promise<void> {
  const unfinished = `${data}.new`;
  await Deno.remove(unfinished, { recursive: true }).catch(() => {});
  const passwordFile = join(folder, superuserFile);
  await Deno.writeTextFile(passwordFile, crypto.randomUUID());
  // The server's user reads the file, whatever our umask is; nobody else can enter the folder.
  await Deno.chmod(passwordFile, 0o644);
  await run(programs["initdb"]!, [
    ...["--pgdata", unfinished, "--encoding", "UTF8", "--locale", "C"],
    ...["--username", "postgres", "--auth", "scram-sha-256", "--pwfile", passwordFile],
  ]);
  await Deno.rename(unfinished, data);
}

/** Only the same major version can open the data. */
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
 * Removes a stale lock file. After an unclean stop, its pid may belong to another process, and Postgres then refuses to
 * start. The file is stale unless that process runs on this data.
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
