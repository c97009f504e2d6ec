/** Postgres with a second one beside it: a replica that takes over, and a way back to the moment before a mistake. */
import { match, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { Session } from "../../../shared/postgres/session.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { type Identity, runProgram, succeeds } from "../../../tools/run_program.ts";
import { postgres, serverOn } from "../../../tools/services/native/postgres.ts";
import { give, identityFor, launchAll } from "../../../tools/services/native/start.ts";
import { findPrograms } from "../../../tools/services/packages.ts";
import { type Process, stop } from "../../../tools/services/process.ts";
import { delay } from "../../../tools/services/server.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues, withBatch } from "../../harness/batch.ts";
import type { PrivateServers } from "../../harness/private_servers.ts";

Deno.test("the primary is killed and its synchronous replica promoted: what was stored is there, and the rest is stored once", async () => {
  await withBatch(async (world, batch, ledger) => {
    const { servers } = world;
    await batch.publish(500);
    await using replica = await SecondPostgres.replicaOf(servers);
    await servers.asSuperuser("alter system set synchronous_standby_names = '*'");
    await servers.asSuperuser("select pg_reload_conf()");
    await eventually("a synchronous replica", () =>
      servers.withSuperuser(async (sql) => {
        const [replica] = await sql.query("select sync_state from pg_stat_replication");
        return replica?.["sync_state"] === "sync" || undefined;
      }));

    // Led to the replica by mistake, while the primary is well.
    servers.proxies.postgres.leadTo(replica.url);
    await batch.publish(500);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
    match(await replica.log(), /cannot execute COPY during recovery/);
    servers.proxies.postgres.leadTo(servers.direct.DATABASE_URL);

    let failedOver: Promise<void> | undefined;
    await batch.publish(20_000, (sent) => {
      if (sent !== 12_000) return;
      failedOver = (async () => {
        await servers.kill("postgres");
        await replica.withSuperuser((sql) => sql.query("select pg_promote()"));
        servers.replace("postgres", replica.url);
      })();
    });
    await failedOver;
    await checkAllStored(world, ledger, ledger.attempted);
  });
});

Deno.test("a table is dropped by mistake: a base backup and the archived log give back the moment before, and work goes on", async () => {
  await withBatch(async (world, batch, ledger) => {
    const { servers } = world;
    const archive = await archiving(servers);
    await using second = await SecondPostgres.backUp(servers);
    await batch.publish(2_000);
    await eventually("all of it", async () => await world.rows() === 2_000 || undefined);
    const { before } = await servers.withSuperuser((sql) => sql.one("select now()::text as before"));
    await new Promise((resolve) => setTimeout(resolve, 1_000));

    await servers.asSuperuser("drop table events");
    await batch.publish(500);
    await servers.withSuperuser(async (sql) => {
      const { file } = await sql.one<{ file: string }>("select pg_walfile_name(pg_switch_wal()) as file");
      await eventually("its log in the archive", async () => {
        const { there } = await sql.one("select last_archived_wal >= $1 as there from pg_stat_archiver", [file]);
        return there === true || undefined;
      });
    });
    await servers.stop("postgres");

    await second.recover(
      `restore_command = 'cp ${archive}/%f %p'`,
      `recovery_target_time = '${before}'`,
      "recovery_target_action = 'promote'",
      "archive_mode = off",
    );
    await second.start();
    servers.replace("postgres", second.url);
    await checkAllStored(world, ledger, 2_500);
  });
});

/** Turns WAL archiving on. @returns the archive's folder */
async function archiving(servers: PrivateServers): Promise<string> {
  const { path } = await servers.checkout.folder();
  const { uid, gid } = await Deno.stat(join(path, `postgres-${new URL(servers.direct.DATABASE_URL).port}`, "data"));
  const archive = join(path, "archive");
  await Deno.mkdir(archive);
  if (Deno.uid() === 0) await runProgram("chown", [`${uid}:${gid}`, archive]);
  await servers.asSuperuser("alter system set archive_mode = on");
  await servers.asSuperuser(`alter system set archive_command = 'test ! -e ${archive}/%f && cp %p ${archive}/%f'`);
  await servers.stop("postgres");
  await servers.restart();
  return archive;
}

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

  /** Adds the lines to its configuration, and makes it recover at the next start. */
  async recover(...lines: string[]): Promise<void> {
    await this.#write("recovery.signal", "");
    await this.#write("postgresql.auto.conf", `${lines.join("\n")}\n`);
  }

  /** Resolves when it answers. */
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
