/** Events under ids that tell no time of these years: their partitions never go, but rows do, by when they were stored. */
import type { Session } from "../../shared/postgres/session.ts";

export interface Foreign {
  readonly table: string;
  readonly rows: number;
}

const tables = ["events_before", "events_gone", "events_ahead", "events_other"];
/** Rows in one transaction. */
const rowsAtOnce = 10_000;

/** Those partitions that have rows which were stored before. @param before RFC 3339 */
export async function findForeign(sql: Session, before: string): Promise<Foreign[]> {
  const found: Foreign[] = [];
  for (const table of tables) {
    const { exists } = await sql.one<{ exists: boolean }>("select to_regclass($1) is not null as exists", [table]);
    if (!exists) continue;
    const { rows } = await sql.one<{ rows: number }>(
      `select count(*)::float8 as rows from only ${table} where ${isOld(before)}`,
    );
    if (rows > 0) found.push({ table, rows });
  }
  return found;
}

/** For a COPY. */
export function oldRowsOf({ table }: Foreign, before: string): string {
  return `(select * from only ${table} where ${isOld(before)})`;
}

/** @param onDeleted is told of each transaction's rows */
export async function deleteForeign(
  sql: Session,
  { table }: Foreign,
  before: string,
  onDeleted: (rows: number) => void,
  stop: AbortSignal,
): Promise<void> {
  for (let rows = rowsAtOnce; rows === rowsAtOnce && !stop.aborted;) {
    const deleted = await sql.query(
      `delete from only ${table} where ctid = any(array(
         select ctid from only ${table} where ${isOld(before)} limit ${rowsAtOnce}
       )) returning 1`,
    );
    rows = deleted.length;
    onDeleted(rows);
  }
}

/** @param before RFC 3339, of our own making: COPY takes no parameters */
function isOld(before: string): string {
  return `stored_at < timestamptz '${before}'`;
}
