/** Debian's PgBouncer between the members and Postgres, in both pool modes, otherwise with its defaults. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { DatabasePool } from "../../../shared/postgres/pool.ts";
import { Session } from "../../../shared/postgres/session.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { rowsOf } from "../../conformance/database.ts";
import { startPgBouncer } from "../../harness/extra_server.ts";
import { withWorld } from "../../harness/world.ts";
import { servers } from "../../servers/servers.ts";
import { withEmptySchema } from "../../servers/test_schema.ts";

const behind = (url: string, port: number) => Object.assign(new URL(url), { port: String(port) }).href;

for (const pool_mode of ["session", "transaction"] as const) {
  Deno.test(`PgBouncer in ${pool_mode} mode: two subscribers store every event once, and status and migrate:status work`, async () => {
    // In session mode each client connection holds a server connection: two for a subscriber, and one for its keeper.
    await using bouncer = await startPgBouncer(servers.DATABASE_URL, { pool_mode, default_pool_size: 8 });
    await withWorld(async (world) => {
      const env = { DATABASE_URL: behind(world.env["DATABASE_URL"]!, bouncer.port) };
      await world.startRatesApi();
      const subscribers = await Promise.all(["one", "two"].map((id) => world.startSubscriber(id, env)));
      await world.publish("--count", "2000", "--seed", "7");
      await world.publish("--input", "samples/events.ndjson");
      await world.publish("--input", "samples/events.ndjson");
      await world.untilSettled(2_026, 2);
      for (const { messages } of subscribers) {
        deepStrictEqual(messages.filter((message) => message.includes("did not accept a batch")), []);
      }
      const status = await world.members.runToEnd("status", ["--json"], { ...world.env, ...env });
      strictEqual(JSON.parse(status).totals.events_total, 2_026);
      const tables = await world.members.runToEnd("migrate:status", ["--json"], { ...world.env, ...env });
      strictEqual(JSON.parse(tables).every(({ applied_at }: { applied_at: unknown }) => applied_at !== null), true);
    });
  });

  Deno.test(`PgBouncer in ${pool_mode} mode: settings apply to our transactions alone, and an error leaves none open`, async () => {
    await using bouncer = await startPgBouncer(servers.DATABASE_URL, { pool_mode, default_pool_size: 4 });
    await withEmptySchema(async (sql, url) => {
      await sql.query("create table rows (n int8 primary key)");
      const pool = new DatabasePool(behind(url, bouncer.port), {
        name: "casino-test",
        max: 2,
        timeoutMs: 2_000,
        clock,
      });
      await using session = new Session(behind(url, bouncer.port), { name: "casino-test", max: 1, timeoutMs: 3_000 });
      await using other = new Session(behind(servers.DATABASE_URL, bouncer.port), { name: "casino-test", max: 1 });
      const settings = "select current_setting('search_path') as path, current_setting('statement_timeout') as timeout";
      const path = new URL(url).searchParams.get("search_path")!;
      const copy = "copy rows from stdin (format binary)";

      for (let n = 0n; n < 20n; n++) {
        await Promise.all([
          pool.copyIn(copy, rowsOf(2n * n)),
          pool.copyIn(`${copy}; select 1`, rowsOf(2n * n + 1n)),
        ]);
        deepStrictEqual([...await pool.query(settings, [])], [[path, "2s"]]);
        deepStrictEqual(await session.one(settings), { path, timeout: "3s" });
        deepStrictEqual(await session.one(`${settings} where $1`, [true]), { path, timeout: "3s" });
        strictEqual((await other.one<{ path: string }>(settings)).path, '"$user", public');
        await rejects(pool.copyIn(copy, rowsOf(100n, 0n)), { code: "23505" });
        await rejects(pool.copyIn(`nonsense; ${copy}`, rowsOf(100n)), { code: "42601" });
        await rejects(pool.query("select 1 / $1::int", ["0"]), { code: "22012" });
      }
      deepStrictEqual(await session.transaction((ask) => ask("select count(*)::int from rows")), [[40]]);
      await rejects(pool.query("select pg_sleep(10)", []), { code: "57014" });
      await pool.close();
    });
  });
}

Deno.test("a login that PgBouncer refuses is reported in one sentence, and the subscriber ends", async () => {
  await using bouncer = await startPgBouncer(servers.DATABASE_URL, { pool_mode: "session", default_pool_size: 1 });
  await withWorld(async (world) => {
    const url = behind(world.env["DATABASE_URL"]!, bouncer.port).replace("casino:casino@", "casino:wrong@");
    const refused = world.launchSubscriber("refused", { DATABASE_URL: url });
    strictEqual((await refused.ended).code, 1);
    await refused.read;
    match(refused.messages.join("\n"), /Postgres at 127\.0\.0\.1:\d+ rejected the login in DATABASE_URL: /);
  });
});
