/** A server beside those that `up` starts, in its own temporary folder. */
import { join } from "node:path";
import { freePort } from "../../tools/demo/members.ts";
import type { Identity } from "../../tools/run_program.ts";
import { postgres } from "../../tools/services/native/postgres.ts";
import { give, identityFor, launchAll } from "../../tools/services/native/start.ts";
import { aptInstall, findPrograms } from "../../tools/services/packages.ts";
import { type Process, stop } from "../../tools/services/process.ts";

const stopGraceMs = 5_000;

interface Spec {
  readonly title: string;
  /** The program, and the Debian package that is installed if the program is missing. */
  readonly program: string;
  readonly package: string;
  readonly as?: Identity | undefined;
  /** Files in its folder, by name. */
  files?(port: number, folder: string): Readonly<Record<string, string>>;
  args(port: number, folder: string): readonly string[];
}

export class ExtraServer implements AsyncDisposable {
  private constructor(readonly port: number, private readonly folder: string, private readonly process: Process) {}

  /** Resolves when the server listens. */
  static async start({ title, program, package: name, as, files, args }: Spec): Promise<ExtraServer> {
    const find = () => findPrograms({ programs: { server: [program] } });
    if (!await find()) await aptInstall([name], console.log);
    const folder = await Deno.makeTempDir({ prefix: `casino-${program}-` });
    const port = freePort();
    for (const [file, text] of Object.entries(files?.(port, folder) ?? {})) {
      await Deno.writeTextFile(join(folder, file), text);
    }
    await give(folder, as);
    const processes: Process[] = [];
    const launch = { name: program, program: (await find())!["server"]!, args: args(port, folder) };
    await launchAll([launch], {
      ...{ title, url: new URL(`tcp://127.0.0.1:${port}`), folder, log: join(folder, "server.log"), as },
      started: (process) => void processes.push(process),
    });
    return new ExtraServer(port, folder, processes[0]!);
  }

  /** Returns the server's log. */
  log(): Promise<string> {
    return Deno.readTextFile(join(this.folder, "server.log"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.process, stopGraceMs);
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Starts a Redis. @param args further settings, such as `--cluster-enabled yes` */
export function startRedis(...args: string[]): Promise<ExtraServer> {
  return ExtraServer.start({
    ...{ title: "Redis", program: "redis-server", package: "redis-server" },
    args: (port) => ["--port", String(port), "--bind", "127.0.0.1", "--save", "", ...args],
  });
}

/**
 * Starts a PgBouncer with the settings of Debian's package, apart from addresses, users and the number of connections.
 */
export async function startPgBouncer(
  databaseUrl: string,
  settings: { readonly pool_mode: "session" | "transaction"; readonly default_pool_size: number },
): Promise<ExtraServer> {
  const { hostname, port: postgresPort, username, password } = new URL(databaseUrl);
  return await ExtraServer.start({
    ...{ title: "PgBouncer", program: "pgbouncer", package: "pgbouncer" },
    // PgBouncer refuses to run as root.
    as: await identityFor(postgres),
    files: (port, folder) => ({
      "users.txt": `"${username}" "${password}"\n`,
      "pgbouncer.ini": [
        ...["[databases]", `* = host=${hostname} port=${postgresPort}`, "[pgbouncer]"],
        ...[`listen_addr = 127.0.0.1`, `listen_port = ${port}`, "unix_socket_dir ="],
        ...["auth_type = scram-sha-256", `auth_file = ${join(folder, "users.txt")}`],
        ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
      ].join("\n"),
    }),
    args: (_, folder) => [join(folder, "pgbouncer.ini")],
  });
}
