/** A second Postgres beside a private world's: a replica of it, or one that is restored from its backup. */
import { dirname, join } from "node:path";
import { closePostgres, openPostgres, type Sql } from "../../shared/postgres.ts";
import { freePort } from "../../tools/demo/members.ts";
import { postgres } from "../../tools/services/native/postgres.ts";
import { findPrograms } from "../../tools/services/packages.ts";
import { type Identity, runProgram } from "../../tools/run_program.ts";
import { launch, type Process, stop } from "../../tools/services/process.ts";
import { delay } from "../../tools/services/server.ts";
import type { PrivateServers } from "./private_servers.ts";

const startTimeoutMs = 60_000;
const stopGraceMs = 10_000;

export class SecondPostgres implements AsyncDisposable {
  readonly #port = freePort();
  #process: Process | undefined;

  private constructor(
    private readonly folder: string,
    private readonly program: string,
    private readonly as: Identity | undefined,
    private readonly superuserOfFirst: string,
    private readonly membersOfFirst: string,
  ) {}

  /** A base backup of the first, which is not started yet. @param more for pg_basebackup */
  static async backUp(servers: PrivateServers, ...more: string[]): Promise<SecondPostgres> {
    const { path } = await servers.checkout.folder();
    const { uid, gid } = await Deno.stat(join(path, `postgres-${new URL(servers.direct.DATABASE_URL).port}`, "data"));
    const folder = await Deno.makeTempDir({ dir: path, prefix: "second-postgres-" });
    const as = Deno.uid() === 0 && uid !== null && gid !== null ? { uid, gid } : undefined;
    if (as) await Deno.chown(folder, as.uid, as.gid);
    const { server } = (await findPrograms(postgres))!;
    const superuser = await servers.superuserUrl();
    const second = new SecondPostgres(folder, server!, as, superuser, servers.direct.DATABASE_URL);
    const words = ["--pgdata", second.#data, "--dbname", superuser, "--checkpoint", "fast", ...more];
    await runProgram(join(dirname(server!), "pg_basebackup"), words, { cwd: folder, as });
    return second;
  }

  /** A replica that streams what the first commits. */
  static async replicaOf(servers: PrivateServers): Promise<SecondPostgres> {
    const replica = await SecondPostgres.backUp(servers, "--write-recovery-conf");
    await replica.start();
    return replica;
  }

  /** Where members find it. */
  get url(): string {
    return this.#at(this.membersOfFirst);
  }

  /** Puts lines into its configuration, and has it recover when it is started. */
  async recover(...lines: string[]): Promise<void> {
    await this.#write("recovery.signal", "");
    await this.#write("postgresql.auto.conf", `${lines.join("\n")}\n`);
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const settings = { port: this.#port, listen_addresses: "127.0.0.1", unix_socket_directories: "" };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const server = { name: "postgres", program: this.program, args: ["-D", this.#data, ...args] };
    const log = join(this.folder, "server.log");
    const stopSignal = "SIGINT" as const;
    this.#process = await launch({ ...server, stopSignal }, String(this.#port), this.folder, log, this.as);
    const giveUpAt = performance.now() + startTimeoutMs;
    const asking = ["--host", "127.0.0.1", "--port", String(this.#port)];
    const isReady = () => runProgram(join(dirname(this.program), "pg_isready"), asking).then(() => true, () => false);
    while (!await isReady()) {
      if (performance.now() > giveUpAt) throw new Error(`it does not answer:\n${await this.log()}`);
      await delay(100);
    }
  }

  async withSuperuser<T>(use: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = openPostgres(this.#at(this.superuserOfFirst), { name: "casino-test", max: 1 });
    try {
      return await use(sql);
    } finally {
      await closePostgres(sql);
    }
  }

  /** What it has logged. */
  log(): Promise<string> {
    return Deno.readTextFile(join(this.folder, "server.log"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process) await stop(this.#process, stopGraceMs);
  }

  get #data(): string {
    return join(this.folder, "data");
  }

  #at(url: string): string {
    return Object.assign(new URL(url), { port: String(this.#port) }).href;
  }

  async #write(name: string, text: string): Promise<void> {
    const path = join(this.#data, name);
    await Deno.writeTextFile(path, text, { append: true, mode: 0o600 });
    if (this.as) await Deno.chown(path, this.as.uid, this.as.gid);
  }
}
