/** The subscriber's connections to Postgres, and the rows that it copies over them. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { arrayLiteral, CopyRows, numericBytes } from "../../shared/postgres/copy_rows.ts";
import { DatabasePool, QueryTimeout } from "../../shared/postgres/pool.ts";
import { systemClock } from "../../shared/runtime/clock.ts";
import { classifyStoreError } from "../../shared/runtime/errors.ts";
import { testDatabase } from "../conformance/database.ts";
import { anyTimestamp } from "../fixtures/arbitraries.ts";
import { servers } from "../servers/servers.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { withEmptySchema } from "../servers/test_schema.ts";

interface Options {
  readonly timeoutMs: number;
  /** A connection that is cut while it opens leaves timers of pg, which end by themselves. */
  readonly leavesTimers?: boolean;
}

/** Gives `use` a pool that reaches the server through a proxy. */
function test(what: string, use: (pool: DatabasePool, proxy: TcpProxy) => Promise<void>, options: Options): void {
  const { timeoutMs, leavesTimers = false } = options;
  const sanitizers = { sanitizeOps: !leavesTimers, sanitizeResources: !leavesTimers };
  Deno.test(`DatabasePool${what}`, sanitizers, async () => {
    await using proxy = await TcpProxy.before(servers.DATABASE_URL);
    const pool = new DatabasePool(proxy.url, { name: "casino-test", max: 2, timeoutMs, clock: systemClock });
    await use(pool, proxy).finally(() => pool.close());
  });
}

async function assertAnswers(pool: DatabasePool): Promise<void> {
  deepStrictEqual([...await ask(pool)], [["1"]]);
}

function ask(pool: DatabasePool) {
  return pool.query("select $1::int as one", ["1"]);
}

test(".query() gives up on a silent server, and works as soon as it is back", async (pool, proxy) => {
  await assertAnswers(pool);
  proxy.poison({ kind: "black-hole" });
  const errors = await Promise.all(
    [ask(pool), ask(pool)].map((asked) => asked.then(() => undefined, (error) => error)),
  );
  // The first time-out cuts all connections, perhaps before the time of the other query is over.
  deepStrictEqual(errors.map(classifyStoreError), ["away", "away"]);
  const [timeout] = errors.filter((error) => error instanceof QueryTimeout);
  match(String(timeout), /within DATABASE_TIMEOUT_MS=200/);
  proxy.poison();
  await assertAnswers(pool);
}, { timeoutMs: 200 });

test(".query() lets the server cancel a slow statement, and the error may be retried", async (pool) => {
  await rejects(pool.query("select pg_sleep(5), $1::int", ["1"]), (error) => {
    match(String(error), /statement timeout/);
    strictEqual(classifyStoreError(error), "doubtful");
    return true;
  });
  await assertAnswers(pool);
}, { timeoutMs: 100 });

test(".query() recovers by itself after its connections are reset", async (pool, proxy) => {
  await ask(pool);
  proxy.cut();
  await ask(pool).catch(() => {});
  await assertAnswers(pool);
}, { timeoutMs: 2_000 });

test(" survives connections that break during the setup, without uncaught errors", async (pool, proxy) => {
  for (let bytes = 1; bytes <= 700; bytes += 50) {
    proxy.poison({ kind: "cut-after", bytes });
    await ask(pool).catch(() => {});
  }
  proxy.poison();
  await ask(pool).catch(() => {});
  await assertAnswers(pool);
}, { timeoutMs: 300, leavesTimers: true });

/** Gives `use` a pool with one connection, in a schema of the test's own. */
async function withPool(use: (pool: DatabasePool) => Promise<void>): Promise<void> {
  await withEmptySchema(async (_, url) => {
    const pool = new DatabasePool(url, { name: "casino-test", max: 1, timeoutMs: 10_000, clock: systemClock });
    await use(pool).finally(() => pool.close());
  });
}

function withTable(columns: string, use: (pool: DatabasePool) => Promise<void>): Promise<void> {
  return withPool(async (pool) => {
    await pool.query(`create table rows (${columns})`, []);
    await use(pool);
  });
}

testDatabase({ name: "DatabasePool", withDatabase: withPool });

Deno.test("DatabasePool.query() passes every text unchanged through an array literal", async () => {
  const texts = fc.array(fc.option(fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""))));
  await withTable("n int8", async (pool) => {
    await fc.assert(fc.asyncProperty(texts, async (values) => {
      const [row] = await pool.query("select array_to_json($1::text[])::text as json", [arrayLiteral(values)]);
      deepStrictEqual(JSON.parse(row![0]!), values.map((value) => value?.toWellFormed() ?? null));
    }));
  });
});

Deno.test("DatabasePool retries on another connection when a table was altered under a prepared statement", async () => {
  await withTable("n int8, value text default 'seven'", async (pool) => {
    await pool.query("insert into rows values (1)", []);
    const read = async () => [...await pool.query("select value from rows", [])];
    deepStrictEqual(await read(), [["seven"]]);
    await pool.query("alter table rows alter column value type varchar(99)", []);
    await rejects(read(), /cached plan must not change result type/);
    deepStrictEqual(await read(), [["seven"]]);
  });
});

interface Fields {
  readonly int64: bigint;
  readonly text: string;
  readonly uuid: string;
  readonly boolean: boolean;
  readonly time: { readonly seconds: number; readonly nanos: number };
  readonly decimal: string;
}

const anyFields: fc.Arbitrary<Fields> = fc.record({
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  text: fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ maxLength: 100 })).map((text) =>
    text.replaceAll("\0", "")
  ),
  uuid: fc.uuid().chain((text) => fc.constantFrom(text, text.toUpperCase())),
  boolean: fc.boolean(),
  time: anyTimestamp,
  decimal: fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 15n }), fc.stringMatching(/^\d{0,18}$/))
    .map(([whole, fraction]) => fraction === "" ? String(whole) : `${whole}.${fraction}`),
});

Deno.test("CopyRows writes every value so that Postgres reads the same", async () => {
  const rows = new CopyRows();
  await withTable("n int8, a int8, b text, c uuid, d boolean, e timestamptz, f numeric, g text", async (pool) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFields, { maxLength: 200 }), async (all) => {
        rows.begin();
        all.forEach(({ int64, text, uuid, boolean, time, decimal }, n) => {
          rows.row(8);
          rows.int64(BigInt(n));
          rows.int64(int64);
          rows.text(text);
          rows.uuid(uuid);
          rows.boolean(boolean);
          rows.timestamp(time.seconds, Math.floor(time.nanos / 1000));
          rows.raw(numericBytes(decimal));
          rows.null();
        });
        await pool.query("truncate rows", []);
        await pool.copyIn("copy rows from stdin (format binary)", rows.finish());
        const stored = await pool.query(
          `select a, b, c, d, to_char(e at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), f, g from rows order by n`,
          [],
        );
        deepStrictEqual(
          stored,
          all.map(({ int64, text, uuid, boolean, time, decimal }) => [
            String(int64),
            text.toWellFormed(),
            uuid.toLowerCase(),
            boolean ? "t" : "f",
            `${new Date(time.seconds * 1000).toISOString().slice(0, 19)}.${
              String(Math.floor(time.nanos / 1000)).padStart(6, "0")
            }Z`,
            decimal,
            null,
          ]),
        );
      }),
      { numRuns: 60 },
    );
  });
});
