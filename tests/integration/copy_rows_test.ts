import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../shared/runtime/clock.ts";
import { CopyRows, numericBytes, OutOfRange } from "../../shared/postgres/copy_rows.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { servers } from "../servers/servers.ts";
import { anyTimestamp } from "../fixtures/arbitrary_event.ts";

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

/** A table of the test's own; one that is temporary would be there for one connection of the pool only. */
async function withTable(use: (pool: DatabasePool, table: string) => Promise<void>): Promise<void> {
  const table = `test_${crypto.randomUUID().slice(0, 8)}`;
  const pool = new DatabasePool(servers.DATABASE_URL, { name: "test", max: 1, timeoutMs: 10_000, clock: systemClock });
  const columns = "n int8, a int8, b text, c uuid, d boolean, e timestamptz, f numeric, g text";
  try {
    await pool.query(`create table ${table} (${columns})`, []);
    await use(pool, table);
  } finally {
    await pool.query(`drop table if exists ${table}`, []);
    await pool.close();
  }
}

Deno.test("CopyRows writes every value so that Postgres reads the same", async () => {
  const rows = new CopyRows();
  await withTable(async (pool, table) => {
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
        await pool.query(`truncate ${table}`, []);
        await pool.copyIn(`copy ${table} from stdin (format binary)`, rows.finish());
        const stored = await pool.query(
          `select a, b, c, d, to_char(e at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), f, g from ${table} order by n`,
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

Deno.test("CopyRows refuses an integer that no column could hold, as Postgres would", () => {
  const rows = new CopyRows();
  rows.begin();
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) {
    throws(() => rows.int64(value), (error) => error instanceof OutOfRange && error.code === "22003");
  }
});

Deno.test("DatabasePool.copyIn() stores all or nothing, says what was wrong, and leaves a sound connection", async () => {
  await withTable(async (pool, table) => {
    await pool.query(`alter table ${table} add primary key (n)`, []);
    const rows = (...ids: bigint[]) => {
      const some = new CopyRows();
      some.begin();
      for (const id of ids) {
        some.row(1);
        some.int64(id);
      }
      return some.finish();
    };
    const copy = `copy ${table} (n) from stdin (format binary)`;
    const count = async () => (await pool.query(`select count(*) from ${table}`, []))[0]?.[0];

    await rejects(pool.copyIn(copy, rows(1n, 2n, 1n)), { code: "23505" });
    await rejects(pool.copyIn(`${copy}; select 1 / 0`, rows(1n)), { code: "22012" });
    await rejects(pool.copyIn(`select 1 / 0; ${copy}`, rows(1n)), { code: "22012" });
    await rejects(pool.copyIn(`nonsense; ${copy}`, rows(1n)), { code: "42601" });
    strictEqual(await count(), "0");
    await pool.copyIn(`${copy}; insert into ${table} (n) values (7)`, rows(1n, 2n));
    strictEqual(await count(), "3");
  });
});
