/** A schema for one integration test, which is removed afterwards. */
import { Session } from "../../shared/postgres/session.ts";
import { servers } from "./servers.ts";
import { catalogue } from "../../tools/migrate/catalogue.ts";
import { type Catalogue, migrateFresh } from "../../tools/migrate/transaction.ts";

/** Calls `use` with a connection, and a URL for more, whose schema is new and empty. */
export async function withEmptySchema<T>(use: (sql: Session, url: string) => Promise<T>): Promise<T> {
  const schema = `test_${crypto.randomUUID().slice(0, 8)}`;
  const url = new URL(servers.DATABASE_URL);
  url.searchParams.set("search_path", schema);
  await using admin = new Session(servers.DATABASE_URL, { name: "casino-test" });
  await admin.query(`create schema ${schema}`);
  try {
    await using sql = new Session(url.href, { name: "casino-test", max: 4 });
    return await use(sql, url.href);
  } finally {
    await admin.query(`drop schema ${schema} cascade`);
  }
}

/**
 * Calls `use` with a schema that has all tables.
 * @param migrations other than the project's
 */
export function withTestSchema<T>(
  use: (sql: Session, url: string) => Promise<T>,
  migrations: Catalogue = catalogue,
): Promise<T> {
  return withEmptySchema(async (sql, url) => {
    await migrateFresh(sql, migrations);
    return await use(sql, url);
  });
}
