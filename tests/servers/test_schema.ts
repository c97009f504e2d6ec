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

/** SQL by which events becomes a table without partitions, as it is where rows were stored before there were any. */
export const withoutPartitions = `
  create table events_plain (like events including all);
  insert into events_plain select * from events;
  drop table events;
  alter table events_plain rename to events;`;

/** SQL that takes the partitions of weeks away but for the first ones, as if nobody had made them. */
export const withWeeks = (kept: number) => `
  do $$
  declare
    dropped record;
    first uuid;
  begin
    alter table events detach partition events_ahead;
    for dropped in
      select inhrelid::regclass as week,
        substring(pg_get_expr(relpartbound, oid) from 'FROM \\(''([0-9a-f-]+)''')::uuid as since
      from pg_inherits join pg_class on oid = inhrelid
      where inhparent = 'events'::regclass and relname ~ '^events_\\d{8}$' order by relname offset ${kept}
    loop
      first := coalesce(first, dropped.since);
      execute format('drop table %s', dropped.week);
    end loop;
    execute format('alter table events attach partition events_ahead for values from (%L) to (%L)',
      first, first_event_id('2050-01-01 00:00+00'));
  end $$;`;
