/** Connections to Postgres for commands and tests; the subscriber's own are in postgres/pool.ts. */
import "./without_env.ts";
import postgres, { type Sql } from "postgres";
import { splitTls } from "./tls.ts";

export type { Sql };

export interface PostgresOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Most connections at once. */
  readonly max?: number;
}

const connectTimeoutSeconds = 5;
const closeTimeoutSeconds = 2;

/**
 * A pool that connects when it is first asked. Parameters in the URL's query are set on each connection, so that
 * `?search_path=NAME` picks a schema. Integers of 64 bits come as strings: nothing is rounded.
 */
export function openPostgres(url: string, { name, max = 1 }: PostgresOptions): Sql {
  const { url: target, tls } = splitTls(url);
  return postgres(target.href, {
    max,
    ssl: tls ?? false,
    connect_timeout: connectTimeoutSeconds,
    // Else each connection begins with a query of the client's own, whose failure nobody catches: it ends the process.
    fetch_types: false,
    connection: { application_name: name },
    onnotice: () => {},
  });
}

/** Waits 2 s for queries that are under way. */
export async function closePostgres(sql: Sql): Promise<void> {
  await sql.end({ timeout: closeTimeoutSeconds });
}
