/** Postgres with a replica: the replica takes over, and an operator restores the moment before a mistake. */
import { match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "../../../tools/run_program.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues, withBatch } from "../../harness/batch.ts";
import type { PrivateServers } from "../../harness/private_servers.ts";
import { SecondPostgres } from "../../harness/second_postgres.ts";

Deno.test("the primary is killed and its synchronous replica promoted: stored events are there, and the rest is stored once", async () => {
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

    // Send connections to the replica by mistake, while the primary is well.
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

Deno.test("a table is dropped by mistake: a base backup and the archived log restore the moment before, and storing continues", async () => {
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
