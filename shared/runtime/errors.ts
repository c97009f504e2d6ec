/** The only module that decides how we react to an error. */
import { cutTo } from "./printable.ts";

/** A retry does not fix it; the message says what does. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
}

/** Whether a retry cannot fix the error: the broker rejects our credentials or our request. */
export function isPermanentBrokerError(error: unknown): boolean {
  if (error instanceof PermanentError) return true;
  // RabbitMQ answers a failed login with 403 ACCESS_REFUSED and an unknown virtual host with 530 NOT_ALLOWED. It also
  // uses 530 for a limit on connections or channels; such an error passes when other clients disconnect.
  return error instanceof Error && !/limit (of )?\(\d+\)/.test(error.message) &&
    /ACCESS[_-]REFUSED|NOT[_-]ALLOWED|403 \(ACCESS/i.test(error.message);
}

/**
 * The cause of an error that occurred while a batch was stored.
 * - `refused`: Postgres or our own code rejected the batch, because of one event, or because of the schema
 * - `doubtful`: Postgres answered with the SQLSTATE of a busy, full or unready database; a trigger or view that fails
 *   for one event may also be the cause
 * - `away`: the connection or the whole server failed; the error does not concern the events
 */
export type StoreFault = "refused" | "doubtful" | "away";

/** The tables differ from the expected schema, so no event can be stored. The message says how to fix it. */
export class SchemaProblem extends Error {
  override readonly name = "SchemaProblem";
}

/** A pipeline step could not read its data for the whole batch. Classified by its cause. */
export class BatchReadError extends Error {
  override readonly name = "BatchReadError";
  readonly code: unknown;

  constructor(step: string, cause: unknown) {
    super(`the step "${step}" could not read its data: ${describeRefusal(cause)}`, { cause });
    this.code = (cause as { code?: unknown } | null)?.code;
  }
}

/**
 * SQLSTATEs, and classes of them, that do not depend on the statement or its values (PostgreSQL documentation, appendix
 * A): connection, transaction (including a read-only server), login, database, rollback (deadlock), resources,
 * operator, system, objects in use, damaged pages and indexes, and prepared statements that a pooler mixed up.
 */
const passing = /^(08|25|28|3D|40|53|57|58|55006|55P03|26000|42P05|XX001|XX002)/;

/** The SQLSTATEs above that concern the connection or server, unless a function within a statement raised them. */
const ofServer = /^(08|25006|28|3D|53300|57P|26000|42P05)/;

export function classifyStoreError(error: unknown): StoreFault {
  if (error instanceof BatchReadError) return classifyStoreError(error.cause);
  if (error instanceof SchemaProblem) return "away";
  const state = sqlStateOf(error);
  if (state === undefined) return isOwnFault(error) ? "refused" : "away";
  if (!passing.test(state)) return "refused";
  return ofServer.test(state) && !isOfStatement(error) ? "away" : "doubtful";
}

/** Whether the connection was lost, or nobody takes one: the server is away, starting or stopping. */
export function isServerGone(error: unknown): boolean {
  if (error instanceof BatchReadError) return isServerGone(error.cause);
  if (error instanceof PermanentError || error instanceof SchemaProblem) return false;
  const state = sqlStateOf(error);
  return state === undefined ? !isOwnFault(error) : /^(08|57P0[123])/.test(state);
}

/**
 * Whether one event may be the cause of a doubtful error: a database function raised the error, or the statement timed
 * out. All other doubtful errors come from other sessions or from the server's resources: a lock, a deadlock, a full
 * disk. Lock contention does not cause a statement timeout, because `lock_timeout` is shorter.
 */
export function mayMeanOneEvent(error: unknown): boolean {
  if (error instanceof BatchReadError) return mayMeanOneEvent(error.cause);
  return isRaised(error) || sqlStateOf(error) === "57014";
}

/**
 * Whether an error concerns one statement although its SQLSTATE names a connection or login: a database function may
 * connect to another server (dblink, postgres_fdw) or another database.
 *
 * An error of the connection itself ends it and has severity FATAL. A pooler's error names no C function. With another
 * server language than English, the severity does not match, and the error counts as one of the connection.
 */
function isOfStatement(error: unknown): boolean {
  if (isRaised(error)) return true;
  const { severity, routine } = error as { severity?: unknown; routine?: unknown };
  if (severity !== "ERROR" || typeof routine !== "string") return false;
  return !isOfSession(routine);
}

/** Whether the routine reports a read-only server or mixed-up prepared statements: the connection stays open. */
function isOfSession(routine: string): boolean {
  return /^(PreventCommand|FetchPreparedStatement|StorePreparedStatement|exec_(bind|describe_statement)_message)/.test(
    routine,
  );
}

/** Whether PL/pgSQL's RAISE made the error: Postgres names the C function, which reports no errors of its own. */
function isRaised(error: unknown): boolean {
  return (error as { routine?: unknown } | null)?.routine === "exec_stmt_raise";
}

/** Whether the row has no partition: SQLSTATE check_violation, which in all other cases names a constraint. */
export function isPartitionMissing(error: unknown): boolean {
  const noneFits = sqlStateOf(error) === "23514" && (error as { constraint?: unknown }).constraint === undefined;
  return noneFits || isWeekMissing(error);
}

/** The migration partition_events: the partition of ids of no time so refuses a UUIDv7, whose own partition is not made yet. */
export function isWeekMissing(error: unknown): boolean {
  return sqlStateOf(error) === "23514" &&
    (error as { constraint?: unknown }).constraint === "events_partition_missing";
}

/** Returns the SQLSTATE of a Postgres error; `undefined` for other errors. Node's codes have letters only: `EPIPE`. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether a bug or unsupported operation caused the error. No client uses these classes for a server's answer. */
function isOwnFault(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}

/** Whether a row with the same key exists: SQLSTATE unique_violation. */
export function isDuplicate(error: unknown): boolean {
  return sqlStateOf(error) === "23505";
}

/** Describes why the database rejected a row, with the constraint and the conflicting key. */
export function describeRefusal(error: unknown): string {
  const { detail, constraint } = (error ?? {}) as { detail?: unknown; constraint?: unknown };
  let text = messageOf(error);
  // For these SQLSTATEs the detail is the whole row: the dead letter has it anyway, and a log must not have e-mails.
  const isRow = ["23502", "23514"].includes(sqlStateOf(error) ?? "");
  if (typeof detail === "string" && detail !== "" && !isRow) text += `: ${detail}`;
  if (typeof constraint === "string" && !text.includes(constraint)) text += ` (constraint ${constraint})`;
  return text;
}

/** Returns the database's message, and the way out if there is a simple one. */
export function explainStoreError(error: unknown): string {
  const { hint } = error as { hint?: unknown };
  const cure = cureOf(error) ?? (typeof hint === "string" && hint !== "" ? hint : undefined);
  return cure === undefined ? messageOf(error) : `${messageOf(error)}; ${cure}`;
}

function cureOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  // undefined_table and undefined_column: the subscriber is newer than the tables.
  if (code === "42P01" || code === "42703") return "run `deno task migrate`";
  if (code === "42501") return "grant the roles their privileges with `deno task roles` and `deno task migrate`";
  // read_only_sql_transaction
  if (code === "25006") return "if this server is a replica, promote it, or connect to the primary (docs/runbook.md)";
  if (code === "XX001") return "a page of the table is damaged: restore the database (docs/runbook.md)";
  if (code === "XX002") return "an index is damaged: reindex it (docs/runbook.md)";
  if (isPartitionMissing(error)) return "create the partition that is missing";
  return undefined;
}

/** Code units. A server's message may repeat a value of any length. */
const mostOfMessage = 4_096;

/** Returns the error's message, or all messages of an AggregateError, as one line. Cuts long messages. */
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
