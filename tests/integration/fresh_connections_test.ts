/** When connections to Postgres are closed and reopened. */
import { deepStrictEqual, notDeepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { LoginRefused } from "../../shared/postgres/refusal.ts";
import { Session } from "../../shared/postgres/session.ts";
import { type Clock, systemClock } from "../../shared/runtime/clock.ts";
import { seededRandom } from "../../shared/runtime/random.ts";
import { VirtualClock } from "../fixtures/virtual_clock.ts";
import { servers } from "../servers/servers.ts";
import { withEmptySchema } from "../servers/test_schema.ts";

const minute = 60_000;

async function withPool(
  use: (pool: DatabasePool, max: number) => Promise<void>,
  clock: Clock = systemClock,
): Promise<void> {
  await withEmptySchema(async (sql, url) => {
    await sql.query("create table rows (n int8)");
    const options = { name: "casino-test", max: 2, timeoutMs: 10_000, clock, random: seededRandom(2) };
    const pool = new DatabasePool(url, options);
    await use(pool, options.max).finally(() => pool.close());
  });
}

/**
 * Queries over all connections at once.
 * @returns the rows, in order
 */
async function overAll(pool: DatabasePool, max: number, expression: string): Promise<string[]> {
  const asking = Array.from({ length: max }, () => pool.query(`select ${expression}, pg_sleep(0.05)`, []));
  return (await Promise.all(asking)).map(([row]) => row![0]!).sort();
}

const sessions = (pool: DatabasePool, max: number) => overAll(pool, max, "pg_backend_pid()");

Deno.test("DatabasePool reopens every connection once one reports that its server is read-only", async () => {
  await withPool(async (pool, max) => {
    const before = await sessions(pool, max);
    // A demoted primary does this to the sessions that it keeps.
    await overAll(pool, max, "set_config('default_transaction_read_only', 'on', false)");
    const write = () => pool.query("insert into rows values (1)", []);
    await rejects(write(), { code: "25006" });
    await Promise.all([write(), write()]);
    const after = await sessions(pool, max);
    deepStrictEqual(after.filter((session) => before.includes(session)), []);
  });
});

Deno.test("DatabasePool keeps its connections after a row's error, and reopens them after any other", async () => {
  await withPool(async (pool, max) => {
    const before = await sessions(pool, max);
    await rejects(pool.query("select 1 / 0", []), { code: "22012" });
    await rejects(pool.query("do $$ begin raise 'refused'; end $$", []), { code: "P0001" });
    deepStrictEqual(await sessions(pool, max), before);
    await rejects(pool.query("select nothing", []), { code: "42703" });
    notDeepStrictEqual(await sessions(pool, max), before);
  });
});

Deno.test("DatabasePool reopens a connection at a random age between 25 and 35 minutes", async () => {
  const clock = new VirtualClock();
  await withPool(async (pool, max) => {
    const before = await sessions(pool, max);
    await clock.advance(25 * minute - 1);
    deepStrictEqual(await sessions(pool, max), before);
    const replacedAfter: number[] = [];
    for (let minutes = 25, left = max; minutes <= 35; minutes++) {
      const kept = (await sessions(pool, max)).filter((session) => before.includes(session)).length;
      for (; left > kept; left--) replacedAfter.push(minutes);
      await clock.advance(minute);
    }
    strictEqual(replacedAfter.length, max);
    strictEqual(new Set(replacedAfter).size, max, `${replacedAfter}`);
  }, clock);
});

Deno.test("DATABASE_URL names the connection, and its connect_timeout limits the wait for a silent server", async () => {
  const url = new URL(servers.DATABASE_URL);
  url.searchParams.set("application_name", "a name of the operator's");
  {
    await using sql = new Session(url.href, { name: "casino-test" });
    deepStrictEqual(await sql.one("select current_setting('application_name') as name"), {
      name: "a name of the operator's",
    });
  }
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using silent = new Session(`postgres://u:p@127.0.0.1:${listener.addr.port}/d?connect_timeout=1`, {
    name: "casino-test",
  });
  const asking = rejects(silent.query("select 1"), /timeout/);
  using _connection = await listener.accept();
  await asking;
});

Deno.test("a login that Postgres refuses gives one sentence that names the variable", async () => {
  const refused = async (change: Partial<URL>) => {
    const url = Object.assign(new URL(servers.DATABASE_URL), change);
    await using sql = new Session(url.href, { name: "casino-test" });
    const error = await sql.query("select 1").then(() => undefined, (error: unknown) => error);
    strictEqual(error instanceof LoginRefused, true, String(error));
    return (error as Error).message.replace(url.host, "HOST");
  };
  strictEqual(
    await refused({ password: "wrong" }),
    'Postgres at HOST rejected the login in DATABASE_URL: password authentication failed for user "casino"',
  );
  strictEqual(
    await refused({ pathname: "/nowhere" }),
    'Postgres at HOST rejected the login in DATABASE_URL: database "nowhere" does not exist',
  );
});
