import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { withEmptySchema } from "../servers/test_schema.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { servers } from "../servers/servers.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { Session } from "../../shared/postgres/session.ts";

const name = "casino-test";

Deno.test("Session.query() rounds no number, and shifts no local time", async () => {
  await using sql = new Session(servers.DATABASE_URL, { name });
  const row = await sql.one(
    `select 9007199254740993::int8 as int8, 0.10::numeric as numeric, 7::int4 as int4, 0.5::float8 as float8,
    true as bool, '{"a": [1]}'::jsonb as json, timestamptz '2024-06-28 14:00:00.5+02' as instant,
    timestamp '2024-06-28 14:00:00' as local, date '2024-06-28' as day, null as nothing`,
  );
  deepStrictEqual(row, {
    ...{ int8: "9007199254740993", numeric: "0.10", int4: 7, float8: 0.5, bool: true, json: { a: [1] } },
    ...{ instant: new Date("2024-06-28T12:00:00.5Z"), local: "2024-06-28 14:00:00", day: "2024-06-28", nothing: null },
  });
});

Deno.test("Session.query() accepts parameters of each kind, and several statements with the last one's result", async () => {
  await using sql = new Session(servers.DATABASE_URL, { name });
  const given = [2n ** 62n, "it's", false, new Date(7), null, ["a", 'b"']] as const;
  const asked =
    "select $1::int8 as a, $2::text as b, $3::bool as c, $4::timestamptz as d, $5::text as e, to_json($6::text[]) as f";
  deepStrictEqual(Object.values(await sql.one(asked, given)), [String(2n ** 62n), ...given.slice(1)]);
  deepStrictEqual(await sql.query("select 1 as one; select 2 as two union select 3 order by 1"), [{ two: 2 }, {
    two: 3,
  }]);
  deepStrictEqual(await sql.query(""), []);
});

Deno.test("Session.one() rejects no row and several rows", async () => {
  await using sql = new Session(servers.DATABASE_URL, { name });
  await rejects(sql.one("select 1 where false"), /expected 1 row, but got 0 from: select 1 where false/);
  await rejects(sql.one("select generate_series(1, 2)"), /expected 1 row, but got 2/);
});

Deno.test("Session.transaction() commits, or rolls back completely after an error or an abort", async () => {
  await withEmptySchema(async (sql) => {
    await sql.query("create table t (n int)");
    await sql.transaction(async (ask) => {
      deepStrictEqual(await ask("insert into t values ($1) returning n, n", [1]), [[1, 1]]);
    });
    const failed = sql.transaction(async (ask) => void await ask("insert into t values (2); select nonsense"));
    await rejects(failed, { code: "42703" });
    const givenUp = sql.transaction(async (ask) => {
      await ask("insert into t values (3)");
      throw new Error("given up");
    });
    await rejects(givenUp, /given up/);
    const overheard = sql.transaction(async (ask) => {
      await ask("insert into t values (4)");
      await ask("select nonsense").catch(() => {});
    });
    await rejects(overheard, /the transaction was rolled back/);
    deepStrictEqual(await sql.query("select n from t"), [{ n: 1 }]);
  });
});

Deno.test("Session.query() cancels a slow statement, and works again after its connection is lost", async () => {
  await using proxy = await TcpProxy.before(servers.DATABASE_URL);
  await using sql = new Session(proxy.url, { name, timeoutMs: 100 });
  await rejects(sql.query("select pg_sleep(5)"), /statement timeout/);
  proxy.poison({ kind: "black-hole" });
  await rejects(sql.query("select 1"), /timeout/);
  proxy.poison();
  strictEqual((await sql.one("select 1 as one"))["one"], 1);
  proxy.cut();
  await sql.query("select 1").catch(() => {});
  strictEqual((await sql.one("select 1 as one"))["one"], 1);
});

Deno.test("Session reports in one sentence that no server answers, or that the server hangs up", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `postgres://casino@127.0.0.1:${listener.addr.port}/casino`;
  const sentence = async () => {
    await using sql = new Session(url, { name });
    const error = await sql.query("select 1").then(() => undefined, (error) => error);
    return (await explainConnection(error, "Postgres", url) as Error).message;
  };
  const hungUp = sentence();
  (await listener.accept()).close();
  match(await hungUp, /^Postgres does not answer at 127\.0\.0\.1:\d+ \((Connection terminated|ECONNRESET)/);
  listener.close();
  match(await sentence(), /^Postgres does not answer at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. Run `deno task up`/);
});

Deno.test("Session.close() waits at most 2 s for a running statement", async () => {
  const sql = new Session(servers.DATABASE_URL, { name });
  const sleeping = rejects(sql.query("select pg_sleep(60)"), /Connection terminated/);
  await sql.close();
  await sleeping;
});

Deno.test("copyOut() hands over all rows without reading ahead, and stays usable after an error of the reader", async () => {
  await using sql = new Session(servers.DATABASE_URL, { name });
  const statement = "copy (select n, repeat('x', 1000) from generate_series(1, 20000) as n) to stdout";
  let [lines, atOnce, most] = [0, 0, 0];
  const decoder = new TextDecoder();
  const rows = await sql.copyOut(statement, async (piece) => {
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setTimeout(resolve));
    lines += decoder.decode(piece).split("\n").length - 1;
    atOnce--;
  });
  deepStrictEqual([rows, lines, most], [20_000, 20_000, 1]);
  await rejects(sql.copyOut(statement, () => Promise.reject(new Error("the disk is full"))), /the disk is full/);
  await rejects(sql.copyOut("copy (select 1 / 0) to stdout", () => Promise.resolve()), { code: "22012" });
  deepStrictEqual(await sql.one("select 1 as one"), { one: 1 });
});
