import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../shared/runtime/clock.ts";
import { classifyStoreError } from "../../shared/runtime/errors.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import { DatabasePool, QueryTimeout } from "../../shared/postgres/pool.ts";
import { servers } from "../servers/servers.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { withTestSchema } from "../servers/test_schema.ts";

function poolAt(url: string, timeoutMs: number): DatabasePool {
  return new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs, clock: systemClock });
}

const one = "select $1::int as one";

Deno.test("DatabasePool.query() gives up on a server that swallows what is sent, and works at once when it is back", async () => {
  await using proxy = await TcpProxy.before(servers.DATABASE_URL);
  const pool = poolAt(proxy.url, 200);
  deepStrictEqual([...await pool.query(one, ["1"])], [["1"]]);
  proxy.poison({ kind: "black-hole" });
  const late = await Promise.allSettled([pool.query(one, ["1"]), pool.query(one, ["1"])]);
  for (const result of late) {
    strictEqual(result.status === "rejected" && result.reason instanceof QueryTimeout, true);
    match(String(result.status === "rejected" && result.reason), /within DATABASE_TIMEOUT_MS=200/);
  }
  proxy.poison();
  deepStrictEqual([...await pool.query(one, ["1"])], [["1"]]);
  await pool.close();
});

Deno.test("DatabasePool.query() has the server end a statement that takes too long, which is worth another try", async () => {
  const pool = poolAt(servers.DATABASE_URL, 100);
  await rejects(pool.query("select pg_sleep(5), $1::int", ["1"]), (error) => {
    match(String(error), /statement timeout/);
    strictEqual(classifyStoreError(error), "retry");
    return true;
  });
  deepStrictEqual([...await pool.query(one, ["1"])], [["1"]]);
  await pool.close();
});

Deno.test("DatabasePool.query() recovers by itself after its connections are reset", async () => {
  await using proxy = await TcpProxy.before(servers.DATABASE_URL);
  const pool = poolAt(proxy.url, 2_000);
  await pool.query(one, ["1"]);
  proxy.cut();
  await pool.query(one, ["1"]).catch(() => {});
  deepStrictEqual([...await pool.query(one, ["1"])], [["1"]]);
  await pool.close();
});

Deno.test("DatabasePool.query() gets every text through an array literal as it is", async () => {
  const pool = poolAt(servers.DATABASE_URL, 5_000);
  const texts = fc.array(fc.option(fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""))));
  await fc.assert(fc.asyncProperty(texts, async (values) => {
    const statement = "select array_to_json($1::text[])::text as json";
    const [row] = await pool.query(statement, [arrayLiteral(values)]);
    deepStrictEqual(JSON.parse(row![0]!), values.map((value) => value?.toWellFormed() ?? null));
  }));
  await pool.close();
});

Deno.test("DatabasePool asks anew on another connection when a table was altered under a prepared statement", async () => {
  await withTestSchema(async (sql, url) => {
    await sql.query("create table changing (value text); insert into changing values ('seven')");
    const pool = new DatabasePool(url, { name: "casino-test", max: 1, timeoutMs: 10_000, clock: systemClock });
    const ask = () => pool.query("select value from changing", []);
    try {
      deepStrictEqual([...await ask()], [["seven"]]);
      await sql.query("alter table changing alter column value type varchar(99)");
      await rejects(ask(), /cached plan must not change result type/);
      deepStrictEqual([...await ask()], [["seven"]]);
    } finally {
      await pool.close();
    }
  });
});

/** A connection that is cut while it is made leaves timers of pg's that end by themselves. */
const leavesTimers = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "DatabasePool survives connections that break as they are made: nothing is left uncaught",
  leavesTimers,
  async () => {
    await using proxy = await TcpProxy.before(servers.DATABASE_URL);
    const pool = poolAt(proxy.url, 300);
    for (let bytes = 1; bytes <= 700; bytes += 50) {
      proxy.poison({ kind: "cut-after", bytes });
      await pool.query(one, ["1"]).catch(() => {});
    }
    proxy.poison();
    await pool.query(one, ["1"]).catch(() => {});
    deepStrictEqual([...await pool.query(one, ["1"])], [["1"]]);
    await pool.close();
  },
);
