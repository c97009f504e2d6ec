/** For integration tests: a schema of their own, with all tables, gone afterwards. */
import { closePostgres, openPostgres, type Sql } from "../../shared/postgres.ts";
import { servers } from "./servers.ts";
import { catalogue } from "../../tools/migrate/catalogue.ts";
import { migrateFresh } from "../../tools/migrate/fresh.ts";
import type { Catalogue } from "../../tools/migrate/migrator.ts";
import { transactionsOf } from "../../tools/migrate/transaction.ts";

/**
 * Calls `use` with a connection, and a URL for more of them, whose schema is new and migrated.
 * @param migrations other than the project's
 */
export async function withTestSchema<T>(
  use: (sql: Sql, url: string) => Promise<T>,
  migrations: Catalogue = catalogue,
): Promise<T> {
  const schema = `test_${crypto.randomUUID().slice(0, 8)}`;
  const admin = openPostgres(servers.DATABASE_URL, { name: "casino-test" });
  await admin.unsafe(`create schema ${schema}`);
  const url = new URL(servers.DATABASE_URL);
  url.searchParams.set("search_path", schema);
  const sql = openPostgres(url.href, { name: "casino-test", max: 4 });
  try {
    await migrateFresh(transactionsOf(sql), migrations);
    return await use(sql, url.href);
  } finally {
    await closePostgres(sql);
    await admin.unsafe(`drop schema ${schema} cascade`);
    await closePostgres(admin);
  }
}
