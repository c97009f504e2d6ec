/** A second Postgres beside that of the private servers. */
import { dirname, join } from "node:path";
import { Session } from "../../shared/postgres/session.ts";
import { freePort } from "../../tools/demo/members.ts";
import { type Identity, runProgram, succeeds } from "../../tools/run_program.ts";
import { postgres, serverOn } from "../../tools/services/native/postgres.ts";
import { give, identityFor, launchAll } from "../../tools/services/native/start.ts";
import { findPrograms } from "../../tools/services/packages.ts";
import { type Process, stop } from "../../tools/services/process.ts";
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

  /** Takes a base backup of the first Postgres, without starting it. @param more arguments for pg_basebackup */
  static async backUp(servers: PrivateServers, ...more: string[]): Promise<SecondPostgres> {
    const { path } = await servers.checkout.folder();
    const folder = await Deno.makeTempDir({ dir: path, prefix: "second-postgres-" });
    const as = await identityFor(postgres);
    await give(folder, as);
    const { server } = (await findPrograms(postgres))!;
    const superuser = await servers.superuserUrl();
    const second = new SecondPostgres(folder, server!, as, superuser, servers.direct.DATABASE_URL);
    const words = ["--pgdata", second.#data, "--dbname", superuser, "--checkpoint", "fast", ...more];
    await runProgram(join(dirname(server!), "pg_basebackup"), words, { cwd: folder, as });
    return second;
  }

  /** Starts a streaming replica of the first Postgres. */
  static async replicaOf(servers: PrivateServers): Promise<SecondPostgres> {
    const replica = await SecondPostgres.backUp(servers, "--write-recovery-conf");
    await replica.start();
    return replica;
  }

  /** URL for members. */
  get url(): string {
    return this.#at(this.membersOfFirst);
  }

  /** Adds the lines to the configuration, and makes the server recover at the next start. */
  async recover(...lines: string[]): Promise<void> {
    await this.#write("recovery.signal", "");
    await this.#write("postgresql.auto.conf", `${lines.join("\n")}\n`);
  }

  /** Resolves when the server answers. */
  async start(): Promise<void> {
    const { folder, as } = this;
    const url = new URL(this.url);
    const server = serverOn(this.#data, this.program, url);
    const started = (process: Process) => void (this.#process = process);
    await launchAll([server], { title: "Postgres", url, folder, log: join(folder, "server.log"), as, started });
    const giveUpAt = performance.now() + startTimeoutMs;
    const asking = ["--host", "127.0.0.1", "--port", String(this.#port)];
    while (!await succeeds(join(dirname(this.program), "pg_isready"), asking)) {
      if (performance.now() > giveUpAt) throw new Error(`it does not answer:\n${await this.log()}`);
      await delay(100);
    }
  }

  async withSuperuser<T>(use: (sql: Session) => Promise<T>): Promise<T> {
    await using sql = new Session(this.#at(this.superuserOfFirst), { name: "casino-test" });
    return await use(sql);
  }

  /** Returns the server's log. */
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
