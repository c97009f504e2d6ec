/** The one place that says what an error means for what we do next. */
import { cutTo } from "./printable.ts";

/** No retry cures it; the message says what does. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
}

/** No retry cures it: the broker rejects our credentials or our request. */
export function isPermanentBrokerError(error: unknown): boolean {
  if (error instanceof PermanentError) return true;
  // RabbitMQ answers a failed login with 403 ACCESS_REFUSED, an unknown virtual host with 530 NOT_ALLOWED; with the same
  // 530 a limit on connections or channels, which ends when others leave.
  return error instanceof Error && !/limit (of )?\(\d+\)/.test(error.message) &&
    /ACCESS[_-]REFUSED|NOT[_-]ALLOWED|403 \(ACCESS/i.test(error.message);
}

/**
 * What an error tells that a batch met on its way into the database.
 * - `refused`: Postgres, or our own code, did not like something of it: one event, or all of them because of the schema
 * - `doubtful`: Postgres answers, by an SQLSTATE of a database that is busy, full or not ready. A trigger or a view of one event may
 *   be the cause
 * - `away`: the connection, or the server as a whole; nothing is said of the events
 */
export type StoreFault = "refused" | "doubtful" | "away";

/** The tables are not what we write to: no event is at fault, and none can be stored. The message says what cures it. */
export class SchemaProblem extends Error {
  override readonly name = "SchemaProblem";
}

/** What a step reads for a whole batch could not be read. Says no more of the batch than its cause does. */
export class BatchReadError extends Error {
  override readonly name = "BatchReadError";
  readonly code: unknown;

  constructor(step: string, cause: unknown) {
    super(`what the step "${step}" needs could not be read: ${describeRefusal(cause)}`, { cause });
    this.code = (cause as { code?: unknown } | null)?.code;
  }
}

/**
 * Classes of SQLSTATE, and single ones, that say nothing of the statement or its values (PostgreSQL documentation, appendix A):
 * connection, transaction (a read-only server among them), login, database, rollback (deadlock), resources, operator, system;
 * objects in use; damaged pages and indexes; and prepared statements that a pooler mixed up.
 */
const passing = /^(08|25|28|3D|40|53|57|58|55006|55P03|26000|42P05|XX001|XX002)/;

/** Those of them that are of the connection or of the whole server, unless a function met them that a statement calls. */
const ofServer = /^(08|25006|28|3D|53300|57P|26000|42P05)/;

export function classifyStoreError(error: unknown): StoreFault {
  if (error instanceof BatchReadError) return classifyStoreError(error.cause);
  if (error instanceof SchemaProblem) return "away";
  const state = sqlStateOf(error);
  if (state === undefined) return isOwnFault(error) ? "refused" : "away";
  if (!passing.test(state)) return "refused";
  return ofServer.test(state) && !isOfStatement(error) ? "away" : "doubtful";
}

/**
 * Whether the cause of a doubtful error may be one event: a function of the database raised the error, or the statement took
 * longer than its time. Whatever else is doubtful is of another session or of the server's means by its nature: a lock, a deadlock, a
 * full disk. A wait for a lock ends before the statement's time does, by `lock_timeout`.
 */
export function mayMeanOneEvent(error: unknown): boolean {
  if (error instanceof BatchReadError) return mayMeanOneEvent(error.cause);
  return isRaised(error) || sqlStateOf(error) === "57014";
}

/**
 * Of one statement, though by its SQLSTATE of a connection or a login: a function may connect to another server (dblink,
 * postgres_fdw) or ask for another database. Errors of the connection itself end it, and are FATAL; a pooler's name no C function. In
 * other languages than English they count as those of the connection.
 */
function isOfStatement(error: unknown): boolean {
  if (isRaised(error)) return true;
  const { severity, routine } = error as { severity?: unknown; routine?: unknown };
  if (severity !== "ERROR" || typeof routine !== "string") return false;
  return !isOfSession(routine);
}

/** A server that is read-only, and prepared statements that a pooler mixed up, leave the connection as it is. */
function isOfSession(routine: string): boolean {
  return /^(PreventCommand|FetchPreparedStatement|StorePreparedStatement|exec_(bind|describe_statement)_message)/.test(
    routine,
  );
}

/** By PL/pgSQL's RAISE: Postgres names the C function that an error comes from, and this one reports no error of its own. */
function isRaised(error: unknown): boolean {
  return (error as { routine?: unknown } | null)?.routine === "exec_stmt_raise";
}

/** SQLSTATE check_violation, which names its constraint except where a row has no partition. */
export function isPartitionMissing(error: unknown): boolean {
  const noneFits = sqlStateOf(error) === "23514" && (error as { constraint?: unknown }).constraint === undefined;
  return noneFits || isWeekMissing(error);
}

/** The migration partition_events: the partition of ids of no time so refuses a UUIDv7, whose own partition is not made yet. */
export function isWeekMissing(error: unknown): boolean {
  return sqlStateOf(error) === "23514" &&
    (error as { constraint?: unknown }).constraint === "events_partition_missing";
}

/** What Postgres said by its error; `undefined` when it is none of its own. Node's codes are letters alone: `EPIPE`. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Errors that JavaScript throws for a fault of the code, or for what it cannot do, and that no client makes of an answer. */
function isOwnFault(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}

/** A row with the same key is stored already: SQLSTATE unique_violation. */
export function isDuplicate(error: unknown): boolean {
  return sqlStateOf(error) === "23505";
}

/** What the database said of a row, with the constraint, and with the key that is in the way. */
export function describeRefusal(error: unknown): string {
  const { detail, constraint } = (error ?? {}) as { detail?: unknown; constraint?: unknown };
  let text = messageOf(error);
  // Of these two it is the whole row: the letter has that already, and a log should not have a player's e-mail.
  const isRow = ["23502", "23514"].includes(sqlStateOf(error) ?? "");
  if (typeof detail === "string" && detail !== "" && !isRow) text += `: ${detail}`;
  if (typeof constraint === "string" && !text.includes(constraint)) text += ` (constraint ${constraint})`;
  return text;
}

/** What the database said, and the way out where there is a plain one. */
export function explainStoreError(error: unknown): string {
  const { hint } = error as { hint?: unknown };
  const cure = cureOf(error) ?? (typeof hint === "string" && hint !== "" ? hint : undefined);
  return cure === undefined ? messageOf(error) : `${messageOf(error)}; ${cure}`;
}

function cureOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  // undefined_table, and undefined_column: a subscriber that is newer than the tables.
  if (code === "42P01" || code === "42703") return "run `deno task migrate`";
  if (code === "42501") return "the roles need their grants: `deno task roles`";
  if (code === "XX001") return "a page of the table is damaged, restore the database: docs/runbook.md";
  if (code === "XX002") return "an index is damaged, reindex it: docs/runbook.md";
  if (isPartitionMissing(error)) return "create the partition that is missing";
  return undefined;
}

/** A server's words may repeat a value of any length. */
const mostOfMessage = 4_096;

/** One line for humans and logs: an error's message, or the messages of all that an AggregateError holds; cut if long. */
export function messageOf(error: unknown): string {
  return cutTo(wholeMessageOf(error), mostOfMessage);
}

function wholeMessageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(messageOf))].join("; ");
  }
  if (error instanceof Error) return error.message || (error as { code?: string }).code || error.name;
  return String(error);
}
