/**
 * Whether the tables are as the rows are written for. COPY in binary takes eight bytes of an integer for whatever eight bytes
 * are to the column: in a `numeric` they are 0, in a `double precision` some number.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import { classifyStoreError, SchemaProblem } from "../../shared/runtime/errors.ts";
import type { Enriched } from "../enriched/enriched.ts";
import {
  columnProblem,
  type FoundColumn,
  isWritten,
  mayChangeRows as changesRows,
  readColumns,
  typeProblem,
} from "./tables.ts";
import { rowsTaken } from "./totals.ts";

/** What the checks fail with: the cast of a text that is no number, SQLSTATE invalid_text_representation. */
const checkFailed = "22P02";
/** Begin the texts that fail, which Postgres quotes in any language. */
const [altered, undone] = ["casino: altered", "casino: undone"];

const triggersQuery = `
  select string_agg(tgname, ', ' order by tgname) from pg_trigger
  where tgrelid = to_regclass($1::text) and tgtype & 2 = 2 and tgtype & 20 <> 0 and not tgisinternal`;

/** Undoes a transaction in which all went well; deferred constraints are checked before. */
export const undoStatement = `set constraints all immediate;\nselect cast('${undone}' || now() as int)`;

/** The tables as they were found once, and the statements by which a transaction finds out that they still are. */
export class Layout {
  /**
   * Follows all writes, whose locks keep the tables as they are until the commit. So it is exact, also when a table is altered
   * while connections are open.
   */
  readonly check: string;

  /** @param mayChangeRows whether `events` may leave out or change rows without an error */
  private constructor(found: readonly FoundColumn[], readonly mayChangeRows: boolean) {
    const asFound = mayChangeRows ? "" : `${changesRows} or `;
    const differences = [...Map.groupBy(found, ({ table }) => table)].map(([table, columns]) =>
      differs(table, columns)
    );
    this.check = `select cast('${altered}' || relname as int) from pg_class
where oid = 'events'::regclass and (${asFound}${differences.join(" or ")})`;
  }

  /** @throws {SchemaProblem} when rows cannot be written, or not as they are meant; errors of Postgres */
  static async read(database: Database): Promise<Layout> {
    const found = await readColumns(database);
    const problem = typeProblem(found);
    if (problem !== undefined) throw new SchemaProblem(problem);
    return new Layout(found, found.some(({ table, mayChangeRows }) => table === "events" && mayChangeRows));
  }

  /**
   * Follows the COPY. A trigger can drop a row by returning null, and COPY says nothing then. Where one may be, what is there is
   * counted, also in tables that inherit from this one. Deferred triggers run before, those of the totals' tables included.
   */
  countRows(events: readonly Enriched[]): string {
    if (!this.mayChangeRows) return "";
    const ids = events.map(({ messageId }) => messageId).join(",");
    return `set constraints all immediate;\n${
      rowsTaken("events")
    } from events where message_id = any('{${ids}}'::uuid[])
having count(*) <> ${events.length};\n`;
  }
}

/** SQL condition. A column that was dropped keeps its number, without a type. */
function differs(table: string, columns: readonly FoundColumn[]): string {
  const [types, modifiers]: [string[], string[]] = [[], []];
  for (const { number, own } of columns) {
    types[number - 1] = own.type;
    modifiers[number - 1] = own.modifier;
  }
  const array = (values: string[], none: string) => Array.from(values, (value) => value ?? none).join(",");
  return `exists (
select from pg_attribute where attrelid = '${table}'::regclass and attnum > 0
and (atttypid <> ('{${array(types, "0")}}'::oid[])[attnum] or atttypmod <> ('{${
    array(modifiers, "-1")
  }}'::int[])[attnum]))`;
}

/** A table is not as it was found: they are to be read again. */
export function isAltered(error: unknown): boolean {
  return failedCheck(error)?.startsWith(altered) ?? false;
}

/** Whether the error is the end of a transaction in which nothing else went wrong: {@linkcode undoStatement}. */
export function isUndone(error: unknown): boolean {
  return failedCheck(error)?.startsWith(undone) ?? false;
}

/** The text that a check failed with. */
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
 * The error of Postgres, or one that says more.
 * @param count how many events were to be stored
 */
export async function explained(error: unknown, count: number, database: Database): Promise<unknown> {
  const { code, column } = error as { code?: unknown; column?: string };
  const [, table] = /^casino: rows taken by (\w+)/.exec(failedCheck(error) ?? "") ?? [];
  if (table !== undefined) return await notTaken(table, count, database);
  if (classifyStoreError(error) !== "refused") return error;
  let found: readonly FoundColumn[];
  try {
    found = await readColumns(database);
  } catch {
    return error;
  }
  const problem = typeProblem(found);
  if (problem !== undefined) return new SchemaProblem(problem);
  if (code === "23502" && column !== undefined && !isWritten(column)) {
    const missing = columnProblem(found);
    if (missing !== undefined) Object.assign(error as Error, { hint: `${missing}: give it a default` });
  }
  return error;
}

async function notTaken(table: string, count: number, database: Database): Promise<RowsNotTaken> {
  const [[names] = []] = await database.query(triggersQuery, [table]);
  const cause = names ? `the triggers before rows of ${table} are ${names}` : "look for triggers on its partitions";
  const rows = count === 1 ? "the row" : `all of ${count} rows`;
  const what = table === "events" ? rows : `what was added to ${table}`;
  return new RowsNotTaken(`Postgres did not take ${what}, and gave no error, as when a trigger returns null: ${cause}`);
}
