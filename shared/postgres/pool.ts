/**
 * The subscriber's connections to Postgres. With pg, because postgres (npm), which commands and tests use, loses the error of
 * a COPY and then never settles it (github.com/porsager/postgres/issues/1173), and COPY is how windows are stored.
 */
import "../without_env.ts";
import type { Buffer } from "node:buffer";
import { Socket } from "node:net";
// @ts-types="@types/pg"
import pg from "pg";
import { CopyIn } from "./copy_in.ts";
import type { Clock } from "../clock.ts";
import { splitTls } from "../tls.ts";

/** The fields of a row in the order in which they were asked for, as text: nothing is rounded, nothing read in vain. */
export type Row = readonly (string | null)[];

/** What asks Postgres something in one message, which is a transaction of its own. */
export interface Database {
  /** @param parameters for `$1` and so on, as Postgres reads them in text; the statement casts them */
  query(statement: string, parameters: readonly string[]): Promise<readonly Row[]>;

  /**
   * Rows into a table, and what goes with them.
   * @param statements any number, one of them a COPY from stdin
   * @param rows what it reads, as {@linkcode CopyRows} gives it
   */
  copyIn(statements: string, rows: Buffer): Promise<void>;
}

/** Postgres did not answer in time. Whether the statement took effect is not known. */
export class QueryTimeout extends Error {
  override readonly name = "QueryTimeout";
}

export interface DatabaseOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Most connections at once. */
  readonly max: number;
  /** The longest that one query takes, in ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Given as a reason, for one that abort() makes itself costs 50 µs: it has a stack trace. */
const inTime = new Error("Postgres answered in time");
const asText = { getTypeParser: () => (text: string) => text };
const connectTimeoutMs = 5_000;
const closeTimeoutMs = 2_000;
/** The server is given the first word on a statement that takes too long: its error says more than silence. */
const serverFirstMs = 1_000;
/** SQLSTATE feature_not_supported, as in "cached plan must not change result type": a table was altered under us. */
const cannotUsePlan = "0A000";
/**
 * A server that waits for the rest of a COPY heeds no timeout of its own: when we are gone without a farewell, keepalives find
 * that out within about a minute, in place of two hours.
 */
const serverKeepalives = { tcp_keepalives_idle: 30, tcp_keepalives_interval: 10, tcp_keepalives_count: 3 };

/**
 * A pool that connects when it is first asked, and whose queries have a deadline. A query that is late has lost its server,
 * or a network that swallows what is sent; the client itself would wait for as long as TCP does, a quarter of an hour. So all
 * connections are dropped and new ones opened, and the server gives up by itself what it is still at (`statement_timeout`, and
 * keepalives for what it waits for).
 *
 * Parameters in the URL's query are set on each connection, so that `?search_path=NAME` picks a schema.
 */
export class DatabasePool implements Database {
  readonly #statements = new Map<string, string>();
  #connections: Connections;

  constructor(private readonly url: string, private readonly options: DatabaseOptions) {
    this.#connections = new Connections(url, options);
  }

  /** @throws {QueryTimeout}, or what Postgres or the client says */
  async query(text: string, parameters: readonly string[]): Promise<readonly Row[]> {
    const query = { name: this.#nameOf(text), text, rowMode: "array" as const, types: asText };
    const { rows } = await this.#inTime((client) => client.query<(string | null)[]>(query, [...parameters]));
    return rows;
  }

  /** @throws {QueryTimeout}, or what Postgres or the client says */
  copyIn(statements: string, rows: Buffer): Promise<void> {
    return this.#inTime((client) => client.query(new CopyIn(statements, rows)).done);
  }

  async close(): Promise<void> {
    const late = new AbortController();
    const { clock } = this.options;
    await Promise.race([this.#connections.end(), clock.sleep(closeTimeoutMs, late.signal).catch(() => {})]);
    late.abort();
    this.#connections.cut();
  }

  async #inTime<T>(ask: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const { timeoutMs, clock } = this.options;
    const connections = this.#connections;
    const answered = new AbortController();
    const late = clock.sleep(timeoutMs + serverFirstMs, answered.signal).then(() => {
      this.#replace(connections);
      throw new QueryTimeout(`Postgres did not answer within DATABASE_TIMEOUT_MS=${timeoutMs}`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([connections.use(ask), late]);
    } finally {
      answered.abort(inTime);
    }
  }

  /** Only the first of the queries that are late on the same connections replaces them. */
  #replace(late: Connections): void {
    if (late !== this.#connections) return;
    this.#connections = new Connections(this.url, this.options);
    late.cut();
  }

  /** A statement that has a name is planned once for each connection. */
  #nameOf(statement: string): string {
    let name = this.#statements.get(statement);
    if (name === undefined) this.#statements.set(statement, name = `s${this.#statements.size}`);
    return name;
  }
}

/** The client's pool with its sockets at hand: the client itself waits until its farewell has arrived. */
class Connections {
  readonly #pool: pg.Pool;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  constructor(url: string, { name, max, timeoutMs }: DatabaseOptions) {
    const { connectionString, options, tls } = split(url);
    this.#pool = new pg.Pool({
      connectionString,
      options,
      ssl: tls ?? false,
      max,
      application_name: name,
      statement_timeout: timeoutMs,
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: 0,
      keepAlive: true,
      stream: () => this.#socket(),
    });
    // Whoever uses a connection that is lost learns it from its query; the next one gets a new connection.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  async use<T>(ask: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (this.#cut) throw new Error("these connections were given up");
    const client = await this.#pool.connect();
    try {
      const result = await ask(client);
      client.release();
      return result;
    } catch (error) {
      // What Postgres itself says leaves a sound connection; anything else may not. A statement whose plan can no longer be
      // used stays prepared for as long as its connection lives.
      client.release(!(error instanceof pg.DatabaseError) || error.code === cannotUsePlan);
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  /** Fails what is under way, closes every connection at once, and lets no new one be made. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#pool.ending) this.#pool.end().catch(() => {});
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

/** What libpq would not know in a URL's query is a setting of the server: its `options` set it as the connection begins. */
function split(text: string): { connectionString: string; options: string; tls: ReturnType<typeof splitTls>["tls"] } {
  const { url: rest, tls } = splitTls(text);
  const options = Object.entries(serverKeepalives).map(([name, value]) => `-c ${name}=${value}`);
  for (const [name, value] of new URL(rest).searchParams) {
    rest.searchParams.delete(name);
    options.push(`-c ${name}=${value.replace(/[\\\s]/g, "\\$&")}`);
  }
  return { connectionString: rest.href, options: options.join(" "), tls };
}
