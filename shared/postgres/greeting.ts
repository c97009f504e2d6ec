/** What is asked of each new connection to Postgres, and set on it. */
// @ts-types="@types/pg"
import pg from "pg";

/**
 * A server that waits for the rest of a COPY heeds no timeout of its own: when we are gone without a farewell, keepalives find
 * that out within about a minute, in place of two hours.
 */
const serverKeepalives = { tcp_keepalives_idle: "30", tcp_keepalives_interval: "10", tcp_keepalives_count: "3" };

/**
 * How much of a statement's time it may wait for one lock. Less than all of it, so that Postgres tells a statement that waits for
 * another session (55P03) from one that takes too long by itself (57014).
 */
const lockShare = 0.9;

export interface GreetingOptions {
  readonly searchPath: string | undefined;
  readonly statementTimeoutMs: number;
  /** Longest wait for the server's answer, in ms. */
  readonly answerTimeoutMs: number;
  /** Whether a server that takes no writes is refused. */
  readonly readWrite: boolean;
}

export interface Greeting {
  /** The statements with which each transaction must begin; empty where the session keeps its settings by itself. */
  readonly preamble: string;
}

/** The server takes no writes, which `target_session_attrs=read-write` asks for. */
export class ReadOnlyServer extends Error {
  override readonly name = "ReadOnlyServer";
}

/**
 * Sets the session's settings, in one message. They are no parameters of the connection's start: PgBouncer refuses those.
 *
 * A pooler such as PgBouncer gives the client another number for its session than Postgres has. In its transaction mode the
 * next transaction may get the session of another client: then settings are set in each transaction, and the session's own
 * are left as they are.
 * @throws {ReadOnlyServer}, or what Postgres says
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
