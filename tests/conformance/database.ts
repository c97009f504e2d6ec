/** One suite for every {@linkcode Database}: the connections to a server, and the Postgres in this process. */
import { deepStrictEqual, rejects } from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { arrayLiteral, CopyRows } from "../../shared/postgres/copy_rows.ts";
import type { Database } from "../../shared/postgres/pool.ts";

type Use = (database: Database) => Promise<void>;

/** A database under test. */
export interface Subject {
  readonly name: string;
  /** Calls `use` with an empty database. */
  withDatabase(use: Use): Promise<void>;
}

/** Registers the suite's tests under the subject's name. */
export function testDatabase({ name, withDatabase }: Subject): void {
  const test = (what: string, use: Use) => Deno.test(`${name}${what}`, () => withDatabase(use));

  test(".query() returns every field as Postgres's text, or null", async (database) => {
    const statement =
      `select $1::bigint, $2::boolean, $3::numeric, $4::text[], 1.5::float8, null::int, '{"a": 1}'::jsonb,
      '\\x00ff'::bytea, timestamp '2024-06-28 14:00', array[true, false]`;
    const parameters = ["9223372036854775807", "true", "1.0705", arrayLiteral(['a "b" \\', null])];
    deepStrictEqual(await ask(database, statement, parameters), [[
      ...["9223372036854775807", "t", "1.0705", '{"a \\"b\\" \\\\",NULL}', "1.5", null, '{"a": 1}'],
      ...["\\x00ff", "2024-06-28 14:00:00", "{t,f}"],
    ]]);
  });

  test(" answers concurrent queries, each with its own result", async (database) => {
    const answers = await Promise.all(["1", "2", "3"].map((n) => ask(database, "select $1::int", [n])));
    deepStrictEqual(answers, [[["1"]], [["2"]], [["3"]]]);
  });

  test(".copyIn() stores all or nothing, throws Postgres's error, and keeps the connection usable", async (database) => {
    await database.query("create table numbers (n int8 primary key)", []);
    const copy = "copy numbers from stdin (format binary)";
    const count = async () => (await database.query("select count(*) from numbers", []))[0]?.[0];

    await rejects(database.copyIn(copy, rowsOf(1n, 2n, 1n)), { code: "23505" });
    await rejects(database.copyIn(`${copy}; select 1 / 0`, rowsOf(1n)), { code: "22012" });
    await rejects(database.copyIn(`select 1 / 0; ${copy}`, rowsOf(1n)), { code: "22012" });
    await rejects(database.copyIn(`nonsense; ${copy}`, rowsOf(1n)), { code: "42601" });
    deepStrictEqual(await count(), "0");
    await database.copyIn(`${copy}; insert into numbers values (7)`, rowsOf(1n, 2n));
    deepStrictEqual(await count(), "3");
    await database.copyIn(copy, rowsOf(...Array.from({ length: 100_000 }, (_, i) => BigInt(i + 1_000))));
    deepStrictEqual(await count(), "100003");
  });
}

async function ask(database: Database, statement: string, parameters: readonly string[]) {
  return (await database.query(statement, parameters)).map((row) => [...row]);
}

/** Encodes rows of one number each for a binary COPY. */
export function rowsOf(...numbers: readonly bigint[]): Buffer {
  const rows = new CopyRows();
  rows.begin();
  for (const number of numbers) {
    rows.row(1);
    rows.int64(number);
  }
  return rows.finish();
}
