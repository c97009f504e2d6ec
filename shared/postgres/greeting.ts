/** Checks each new connection to Postgres and sets its session. */
// @ts-types="@types/pg"
import pg from "pg";

/**
 * A server that waits for the rest of a COPY applies no timeout. When the client disappears without closing its
 * connection, these keepalives detect it within about a minute instead of two hours.
 */
const serverKeepalives = { tcp_keepalives_idle: "30", tcp_keepalives_interval: "10", tcp_keepalives_count: "3" };

/**
 * Lock timeout as a share of the statement timeout. It is less than 1, so that Postgres reports lock contention (55P03)
 * apart from a statement that is slow by itself (57014).
 */
const lockShare = 0.9;

export interface GreetingOptions {
  readonly searchPath: string | undefined;
  readonly statementTimeoutMs: number;
  /** How long to wait for the server's answer, in ms. */
  readonly answerTimeoutMs: number;
  /** Whether to reject a read-only server. */
  readonly readWrite: boolean;
}

export interface Greeting {
  /** The statements that must begin each transaction; empty when the session keeps its settings. */
  readonly preamble: string;
}

/** The server is read-only, but the URL has `target_session_attrs=read-write`. */
export class ReadOnlyServer extends Error {
  override readonly name = "ReadOnlyServer";
}

/**
 * Applies the session's settings in one message. They are not startup parameters, because PgBouncer rejects those.
 *
 * A pooler such as PgBouncer reports another process ID than Postgres does. In its transaction mode, the next
 * transaction may run in another client's session. Then each transaction sets the settings, and the session's own
 * settings stay unchanged.
 * @throws {ReadOnlyServer}, or Postgres's error
 */
export async function greet(client: pg.ClientBase, options: GreetingOptions): Promise<Greeting> {
  const { processID } = client as unknown as { processID: number | null };
  const ours = {
    statement_timeout: String(options.statementTimeoutMs),
    lock_timeout: String(Math.ceil(options.statementTimeoutMs * lockShare)),
    ...options.searchPath !== undefined && { search_path: options.searchPath },
  };
  const isOurs = `pg_backend_pid() = ${processID ?? 0}`;
  const setting = Object.entries({ ...ours, ...serverKeepalives }).map(([name, value]) =>
    `case when ${isOurs} then ${set(name, value, "session")} end`
  );
  const text = `select ${isOurs}, current_setting('transaction_read_only'), ${setting.join(", ")}`;
  const query = { text, rowMode: "array" as const, query_timeout: options.answerTimeoutMs };
  const { rows: [[direct, readOnly] = []] } = await client.query<[boolean, string]>(query);
  if (options.readWrite && readOnly === "on") {
    throw new ReadOnlyServer("Postgres is read-only, and DATABASE_URL has target_session_attrs=read-write");
  }
  if (direct) return { preamble: "" };
  return {
    preamble: `select ${Object.entries(ours).map(([name, value]) => set(name, value, "transaction")).join(", ")};`,
  };
}

function set(name: string, value: string, span: "session" | "transaction"): string {
  return `set_config('${name}', ${pg.escapeLiteral(value)}, ${span === "transaction"})`;
}
