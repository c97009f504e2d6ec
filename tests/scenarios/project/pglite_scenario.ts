/**
 * The database of the demo without servers. It is a scenario because PGlite reads its own files, so `deno test
 * --allow-net` is not enough.
 */
import { deepStrictEqual, rejects } from "node:assert/strict";
import { PgliteDatabase } from "../../../shared/postgres/pglite.ts";
import { testDatabase } from "../../conformance/database.ts";
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

testDatabase({ name: "PgliteDatabase", withDatabase });

Deno.test("PgliteDatabase.transaction() rolls back completely after an error", async () => {
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
