/**
 * Checks that the tables have the column types for which the rows are encoded. Binary COPY reinterprets bytes without
 * an error: eight bytes of an integer become 0 in a `numeric`, and some number in a `double precision`.
 */
import type { Database, Planned } from "../../shared/postgres/pool.ts";
import { classifyStoreError, SchemaProblem } from "../../shared/runtime/errors.ts";
import type { Enriched } from "../enriched/enriched.ts";
import {
  batchTables,
  columnProblem,
  eventsProblem,
  type FoundColumn,
  isWritten,
  mayChangeRows as changesRows,
  readColumns,
} from "./tables.ts";
import { rowsTaken } from "./totals.ts";

/** SQLSTATE invalid_text_representation: each check fails by casting a text that is not a number. */
const checkFailed = "22P02";
/** The prefixes of the texts that the checks cast. Postgres quotes such a text in its error, whatever its language. */
const [altered, undone] = ["casino: altered", "casino: undone"];

/** Tables of the batch's transaction. */
const batchTableNames = ["events", ...Object.keys(batchTables)];

const triggersQuery = `
  select string_agg(tgname, ', ' order by tgname) from pg_trigger
  where tgrelid = to_regclass($1::text) and tgtype & 2 = 2 and tgtype & 20 <> 0 and not tgisinternal`;

/** Checks deferred constraints, then fails, so that Postgres rolls back a transaction that succeeded until then. */
export const undoStatement = `set constraints all immediate;\nselect cast('${undone}' || now() as int)`;

/** The tables as they were read once, and the statements by which a transaction checks that they have not changed. */
export class Layout {
  /**
   * Runs after all writes of the transaction, whose locks keep the tables unchanged until the commit. So the check is
   * exact, even when a table is altered while connections are open.
   */
  readonly check: Planned;

  /** @param mayChangeRows whether `events` may drop or change rows without an error */
  private constructor(found: readonly FoundColumn[], readonly mayChangeRows: boolean) {
    const asFound = mayChangeRows ? "" : `${changesRows} or `;
    this.check = { text: alteredCheck(found, asFound), values: [] };
  }

  /** @throws {SchemaProblem} when rows cannot be written, or would be stored with other values; errors of Postgres */
  static async read(database: Database): Promise<Layout> {
    const found = await readColumns(database, batchTableNames);
    const problem = eventsProblem(found);
    if (problem !== undefined) throw new SchemaProblem(problem);
    return new Layout(found, found.some(({ table, mayChangeRows }) => table === "events" && mayChangeRows));
  }

  /**
   * Runs after the COPY. A trigger can drop a row by returning null, and COPY gives no error then. When `events` may
   * have such a trigger, the statement counts the stored rows, also in tables that inherit from `events`. It runs
   * deferred triggers first, and makes those of the totals tables immediate.
   */
  countRows(events: readonly Enriched[]): string[] {
    if (!this.mayChangeRows) return [];
    const ids = events.map(({ messageId }) => messageId).join(",");
    return [
      "set constraints all immediate",
      `${
        rowsTaken("events")
      } from events where message_id = any('{${ids}}'::uuid[]) having count(*) <> ${events.length}`,
    ];
  }
}

/**
 * Begins a statement that fails when the tables have other columns than `found`, or when `events` meets the condition.
 * @param asFound SQL condition on its row of pg_class, with ` or ` at its end
 */
export function alteredCheck(found: readonly FoundColumn[], asFound = ""): string {
  const differences = [...Map.groupBy(found, ({ table }) => table)].map(([table, columns]) => differs(table, columns));
  return `select cast('${altered}' || relname as int) from pg_class
where oid = to_regclass('events') and (${asFound}${differences.join(" or ")})`;
}

/** SQL condition: the table's columns differ from `columns`. A dropped column keeps its number, with type 0. */
function differs(table: string, columns: readonly FoundColumn[]): string {
  const [types, modifiers]: [string[], string[]] = [[], []];
  for (const { number, own } of columns) {
    types[number - 1] = own.type;
    modifiers[number - 1] = own.modifier;
  }
  const array = (values: string[], none: string) => Array.from(values, (value) => value ?? none).join(",");
  return `exists (
select from pg_attribute where attrelid = to_regclass('${table}') and attnum > 0
and (atttypid <> ('{${array(types, "0")}}'::oid[])[attnum] or atttypmod <> ('{${
    array(modifiers, "-1")
  }}'::int[])[attnum]))`;
}

/** Whether a table was altered after it was read. The caller then reads the tables again. */
export function isAltered(error: unknown): boolean {
  return failedCheck(error)?.startsWith(altered) ?? false;
}

/** Whether {@linkcode undoStatement} ended the transaction, and nothing else went wrong in it. */
export function isUndone(error: unknown): boolean {
  return failedCheck(error)?.startsWith(undone) ?? false;
}

/** The text that the failed check cast; `undefined` for any other error. */
export function failedCheck(error: unknown): string | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === checkFailed && typeof message === "string" ? /"(casino: [^"]*)"/.exec(message)?.[1] : undefined;
}

/** Rows that Postgres left out without an error. */
class RowsNotTaken extends Error {
  override readonly name = "RowsNotTaken";
  /** SQLSTATE integrity_constraint_violation. */
  readonly code = "23000";
}

/**
 * Returns the error of Postgres, or one that explains more.
 * @param count how many events the batch has
 */
export async function explained(error: unknown, count: number, database: Database): Promise<unknown> {
  const { code, column } = error as { code?: unknown; column?: string };
  const [, table] = /^casino: rows taken by (\w+)/.exec(failedCheck(error) ?? "") ?? [];
  if (table !== undefined) return await notTaken(table, count, database);
  if (classifyStoreError(error) !== "refused") return error;
  let found: readonly FoundColumn[];
  try {
    found = await readColumns(database, batchTableNames);
  } catch {
    return error;
  }
  const problem = eventsProblem(found);
  if (problem !== undefined) return new SchemaProblem(problem);
  if (code === "23502" && column !== undefined && !isWritten(column)) {
    const missing = columnProblem(found);
    if (missing !== undefined) Object.assign(error as Error, { hint: `${missing}: give it a default` });
  }
  return error;
}

async function notTaken(table: string, count: number, database: Database): Promise<RowsNotTaken> {
  const [[names] = []] = await database.query(triggersQuery, [table]);
  const cause = names
    ? `check the row triggers of ${table}: ${names}`
    : `check the partitions of ${table} for triggers`;
  const rows = count === 1 ? "the row" : `all of ${count} rows`;
  const what = table === "events" ? rows : `the rows added to ${table}`;
  return new RowsNotTaken(`Postgres ignored ${what} without an error, as when a trigger returns null: ${cause}`);
}
