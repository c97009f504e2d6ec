import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { systemClock } from "./clock.ts";
import { classifyStoreError } from "./errors.ts";
import { DatabasePool, QueryTimeout } from "./postgres.ts";
import { servers } from "./testing/servers.ts";
import { TcpProxy } from "./testing/tcp_proxy.ts";

function poolAt(url: string, timeoutMs: number): DatabasePool {
  return new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs, clock: systemClock });
}

const one = "select $1::int as one";

Deno.test("DatabasePool.query() gives up on a server that swallows what is sent, and works at once when it is back", async () => {
  await using proxy = await TcpProxy.before(servers.DATABASE_URL);
  const pool = poolAt(proxy.url, 200);
  deepStrictEqual([...await pool.query(one, ["1"])], [{ one: 1 }]);
  proxy.poison({ kind: "black-hole" });
  const late = await Promise.allSettled([pool.query(one, ["1"]), pool.query(one, ["1"])]);
  for (const result of late) {
    strictEqual(result.status === "rejected" && result.reason instanceof QueryTimeout, true);
    match(String(result.status === "rejected" && result.reason), /within DATABASE_TIMEOUT_MS=200/);
  }
  proxy.poison();
  deepStrictEqual([...await pool.query(one, ["1"])], [{ one: 1 }]);
  await pool.close();
});

Deno.test("DatabasePool.query() has the server end a statement that takes too long, which is worth another try", async () => {
  const pool = poolAt(servers.DATABASE_URL, 100);
  await rejects(pool.query("select pg_sleep(5), $1::int", ["1"]), (error) => {
    match(String(error), /statement timeout/);
    strictEqual(classifyStoreError(error), "retry");
    return true;
  });
  deepStrictEqual([...await pool.query(one, ["1"])], [{ one: 1 }]);
  await pool.close();
});

Deno.test("DatabasePool.query() recovers by itself after its connections are reset", async () => {
  await using proxy = await TcpProxy.before(servers.DATABASE_URL);
  const pool = poolAt(proxy.url, 2_000);
  await pool.query(one, ["1"]);
  proxy.cut();
  await pool.query(one, ["1"]).catch(() => {});
  deepStrictEqual([...await pool.query(one, ["1"])], [{ one: 1 }]);
  await pool.close();
});
