/** A proxy keeps connections to a server that has become read-only, and leads new connections to the writable one. */
import { match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { Session } from "../../../shared/postgres/session.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues, withBatch } from "../../harness/batch.ts";
import { startRedis } from "../../harness/extra_server.ts";
import { SecondPostgres } from "../../harness/second_postgres.ts";
import { withRedis } from "../../harness/private_servers.ts";

Deno.test("a primary is demoted behind kept connections: every event is stored once, on the new primary", async () => {
  await withBatch(async (world, batch, ledger) => {
    const { servers } = world;
    await batch.publish(500);
    await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
    await using replica = await SecondPostgres.replicaOf(servers);
    const [demoted, folder] = [servers.direct.DATABASE_URL, await servers.folderOf("postgres")];
    await replica.withSuperuser((sql) => sql.query("select pg_promote()"));
    await servers.asSuperuser("alter system set default_transaction_read_only = on");
    await servers.asSuperuser("select pg_reload_conf()");
    servers.replaceForNew("postgres", replica.url);

    await batch.publish(500);
    await checkAllStored(world, ledger, 1_000);
    match(await Deno.readTextFile(join(folder, "server.log")), /cannot execute COPY FROM in a read-only transaction/);

    const url = new URL(demoted);
    url.searchParams.set("target_session_attrs", "read-write");
    await using asksToWrite = new Session(url.href, { name: "casino-test" });
    await rejects(asksToWrite.query("select 1"), /Postgres is read-only, and DATABASE_URL has target_session_attrs/);
  });
});

Deno.test("a Redis is demoted behind kept connections: subscribers report it, and share rates over the new one", async () => {
  const ttlMs = 2_000;
  await withBatch(
    async (world, batch, ledger) => {
      const { servers } = world;
      const subscriber = world.startSubscriber("one", {}, { onLine: (line) => ledger.report(line) });
      await batch.publish(100);
      await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
      await using other = await startRedis();
      await withRedis(servers.direct.REDIS_URL, (redis) => redis.replicaof("127.0.0.1", 1));
      servers.replaceForNew("redis", `redis://127.0.0.1:${other.port}`);
      const said = await eventually("what Redis said", async () => {
        await batch.publish(20);
        return subscriber.records.find(({ event }) => event === "redis.read_only");
      });
      match(String(said.problem), /\bREADONLY\b/);
      await withRedis(`redis://127.0.0.1:${other.port}`, (redis) =>
        eventually("rates in the new Redis", async () => {
          await batch.publish(20);
          return await redis.keys("*{rates}:current").then(([key]) => key);
        }));
      await checkAllStored(world, ledger, ledger.attempted);
    },
    0,
    { RATES_TTL_MS: String(ttlMs) },
  );
});
