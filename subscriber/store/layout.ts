/**
 * Whether the table `events` is as the rows are written for. COPY in binary takes eight bytes of an integer for whatever eight
 * bytes are to the column: in a `numeric` they are 0, in a `double precision` some number.
 */
import type { Database, Row } from "../../shared/postgres/pool.ts";
import { classifyStoreError, SchemaProblem } from "../../shared/runtime/errors.ts";
import { columnProblem, columnsQuery, type Enriched, isWritten, typeProblem } from "../enriched/enriched.ts";

/** What the checks fail with: the cast of a text that is no number, SQLSTATE invalid_text_representation. */
const checkFailed = "22P02";
/** Begin the texts that fail, which Postgres quotes in any language. */
const [altered, notTaken, undone] = ["casino: altered", "casino: rows taken", "casino: undone"];

const triggersQuery = `
  select string_agg(tgname, ', ' order by tgname) from pg_trigger
  where tgrelid = to_regclass('events') and tgtype & 4 = 4 and not tgisinternal`;

/** Undoes a transaction in which all went well; deferred constraints are checked before. */
export const undoStatement = `set constraints all immediate;\nselect cast('${undone}' || now() as int)`;

/** The table as it was found once, and the statements by which a transaction finds out that it still is. */
export class Layout {
  private constructor(private readonly typesByNumber: string, private readonly mayDropRows: boolean) {}

  /** @throws {SchemaProblem} when rows cannot be written to it; errors of Postgres */
  static async read(database: Database): Promise<Layout> {
    const rows = await database.query(columnsQuery, []);
    const problem = typeProblem(rows);
    if (problem !== undefined) throw new SchemaProblem(problem);
    const types: string[] = [];
    for (const [, , , , number, type] of rows) types[Number(number) - 1] = type!;
    // A column that was dropped keeps its number, without a type.
    return new Layout(Array.from(types, (type) => type ?? "0").join(","), rows[0]![6] === "t");
  }

  /**
   * Follows the COPY, whose lock keeps the table as it is until the commit. So it is exact, also when the table is altered
   * while connections are open; and it costs 40 µs a batch.
   *
   * A trigger can drop a row by returning null, and COPY says nothing then. Where one may be, what is there is counted, also
   * in tables that inherit from this one.
   */
  check(events: readonly Enriched[]): string {
    const asFound = this.mayDropRows ? "" : "relkind <> 'r' or relhastriggers or ";
    const check =
      `select cast('${altered}' || relname as int) from pg_class where oid = 'events'::regclass and (${asFound}exists (
select from pg_attribute where attrelid = 'events'::regclass and attnum > 0
and atttypid <> ('{${this.typesByNumber}}'::oid[])[attnum]))`;
    if (!this.mayDropRows) return check;
    const ids = events.map(({ messageId }) => messageId).join(",");
    return `${check};
select cast('${notTaken}' || count(*) as int) from events where message_id = any('{${ids}}'::uuid[])
having count(*) <> ${events.length}`;
  }
}

/** The table is not as it was found: it is to be read again. */
export function isAltered(error: unknown): boolean {
  return isFailed(error, altered);
}

/** Whether the error is the end of a transaction in which nothing else went wrong: {@linkcode undoStatement}. */
export function isUndone(error: unknown): boolean {
  return isFailed(error, undone);
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
  if (isFailed(error, notTaken)) {
    const [[names] = []] = await database.query(triggersQuery, []);
    const cause = names ? `the triggers before insert on events are ${names}` : "look for triggers on its partitions";
    const rows = count === 1 ? "the row" : `all of ${count} rows`;
    return new RowsNotTaken(
      `Postgres did not take ${rows}, and gave no error, as when a trigger returns null: ${cause}`,
    );
  }
  if (classifyStoreError(error) !== "refused") return error;
  let rows: readonly Row[];
  try {
    rows = await database.query(columnsQuery, []);
  } catch {
    return error;
  }
  const problem = typeProblem(rows);
  if (problem !== undefined) return new SchemaProblem(problem);
  if (code === "23502" && column !== undefined && !isWritten(column)) {
    const missing = columnProblem(rows);
    if (missing !== undefined) Object.assign(error as Error, { hint: `${missing}: give it a default` });
  }
  return error;
}

function isFailed(error: unknown, check: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === checkFailed && typeof message === "string" && message.includes(`"${check}`);
}
