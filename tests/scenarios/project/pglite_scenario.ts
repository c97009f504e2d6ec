/** The database of the demo without servers. A scenario, for PGlite reads its own files: `deno test --allow-net` is not enough. */
import { deepStrictEqual, rejects } from "node:assert/strict";
import { arrayLiteral, CopyRows } from "../../../shared/postgres/copy_rows.ts";
import { PgliteDatabase } from "../../../shared/postgres/pglite.ts";
import { testStore } from "../../conformance/store.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { migrateFresh } from "../../../tools/migrate/transaction.ts";

testStore({
  name: "PGlite",
  withDatabase: (use) =>
    withDatabase(async (database) => {
      await migrateFresh(database, catalogue);
      await use(database);
    }),
});

async function withDatabase(use: (database: PgliteDatabase) => Promise<void>): Promise<void> {
  const database = await PgliteDatabase.open();
  await use(database).finally(() => database.close());
}

Deno.test("PgliteDatabase.query() gives every field as text, as Postgres writes it, or null", async () => {
  await withDatabase(async (database) => {
    const statement =
      `select $1::bigint, $2::boolean, $3::numeric, $4::text[], 1.5::float8, null::int, '{"a": 1}'::jsonb,
      '\\x00ff'::bytea, timestamp '2024-06-28 14:00', array[true, false]`;
    const parameters = ["9223372036854775807", "true", "1.0705", arrayLiteral(['a "b" \\', null])];
    deepStrictEqual(await database.query(statement, parameters), [[
      ...["9223372036854775807", "t", "1.0705", '{"a \\"b\\" \\\\",NULL}', "1.5", null, '{"a": 1}'],
      ...["\\x00ff", "2024-06-28 14:00:00", "{t,f}"],
    ]]);
  });
});

Deno.test("PgliteDatabase.copyIn() stores all or nothing, says what was wrong, and goes on", async () => {
  await withDatabase(async (database) => {
    await database.query("create table numbers (n bigint primary key)", []);
    const rows = (...numbers: bigint[]) => {
      const some = new CopyRows();
      some.begin();
      for (const number of numbers) {
        some.row(1);
        some.int64(number);
      }
      return some.finish();
    };
    const copy = "copy numbers (n) from stdin (format binary)";
    const count = async () => (await database.query("select count(*) from numbers", []))[0]?.[0];

    await rejects(database.copyIn(copy, rows(1n, 2n, 1n)), { code: "23505" });
    await rejects(database.copyIn(`${copy}; select 1 / 0`, rows(1n)), { code: "22012" });
    await rejects(database.copyIn(`select 1 / 0; ${copy}`, rows(1n)), { code: "22012" });
    await rejects(database.copyIn(`nonsense; ${copy}`, rows(1n)), { code: "42601" });
    deepStrictEqual(await count(), "0");
    await database.copyIn(`${copy}; insert into numbers values (7)`, rows(1n, 2n));
    deepStrictEqual(await count(), "3");
    await database.copyIn(copy, rows(...Array.from({ length: 100_000 }, (_, i) => BigInt(i + 1_000))));
    deepStrictEqual(await count(), "100003");
  });
});

Deno.test("PgliteDatabase answers what is asked at once, each its own", async () => {
  await withDatabase(async (database) => {
    const answers = await Promise.all(["1", "2", "3"].map((n) => database.query("select $1::int", [n])));
    deepStrictEqual(answers, [[["1"]], [["2"]], [["3"]]]);
  });
});

Deno.test("PgliteDatabase.transaction() undoes all of what fails half-way", async () => {
  await withDatabase(async (database) => {
    await rejects(
      database.transaction(async (ask) => {
        await ask("create table half (n int); insert into half values (1)");
        deepStrictEqual(await ask("select n from half where n = $1", ["1"]), [["1"]]);
        await ask("select * from nowhere");
      }),
      { code: "42P01" },
    );
    deepStrictEqual(await database.query("select to_regclass('half')", []), [[null]]);
  });
});
