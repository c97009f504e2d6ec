/** The one place that opens connections to Postgres. */
import "./without_env.ts";
import { connect, type Socket } from "node:net";
import postgres, { type Sql } from "postgres";
import type { Clock } from "./clock.ts";

export type { Sql };

export interface PostgresOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Most connections at once. */
  readonly max?: number;
  /** The server ends a statement that takes longer, in ms. */
  readonly statementTimeoutMs?: number;
  /** Begins a connection; left to the client if left out. */
  readonly dial?: (host: string, port: number) => Socket;
}

const connectTimeoutSeconds = 5;
const closeTimeoutSeconds = 2;

/** What postgres (npm) passes to its option `socket`, of which its types know nothing. */
interface Dialled {
  readonly host: readonly string[];
  readonly port: readonly number[];
}

/** The server is given the first word on a statement that takes too long: its error says more than silence. */
const serverFirstMs = 1_000;

/** What asks Postgres something in one statement, which is a transaction of its own. */
export interface Database {
  /** @param parameters for `$1` and so on, as Postgres reads them in text; the statement casts them */
  query<Row>(statement: string, parameters: readonly string[]): Promise<readonly Row[]>;
}

/** Postgres did not answer in time. Whether the statement took effect is not known. */
export class QueryTimeout extends Error {
  override readonly name = "QueryTimeout";
}

/**
 * A pool that connects when it is first asked. Parameters in the URL's query are set on each connection, so that
 * `?search_path=NAME` picks a schema. Integers of 64 bits come as strings: nothing is rounded.
 */
export function openPostgres(url: string, { name, max = 1, statementTimeoutMs, dial }: PostgresOptions): Sql {
  return postgres(url, {
    max,
    connect_timeout: connectTimeoutSeconds,
    // Else each connection begins with a query of the client's own, whose failure nobody catches: it ends the process.
    fetch_types: false,
    connection: {
      application_name: name,
      ...(statementTimeoutMs !== undefined && { statement_timeout: statementTimeoutMs }),
    },
    onnotice: () => {},
    ...(dial && { socket: ({ host, port }: Dialled) => dial(host[0]!, port[0]!) }),
  });
}

/**
 * A pool whose queries have a deadline. A query that is late has lost its server, or a network that swallows what is sent;
 * the client itself would wait for as long as TCP does, a quarter of an hour. So all connections are dropped and new ones
 * opened, and the server gives up by itself what it is still at (`statement_timeout`).
 */
export class DatabasePool implements Database {
  #connections: Connections;

  constructor(
    private readonly url: string,
    private readonly options: PostgresOptions & { readonly timeoutMs: number; readonly clock: Clock },
  ) {
    this.#connections = this.#open();
  }

  /** @throws {QueryTimeout}, or what Postgres or the client says */
  async query<Row>(statement: string, parameters: readonly string[]): Promise<readonly Row[]> {
    const { timeoutMs, clock } = this.options;
    const connections = this.#connections;
    const answered = new AbortController();
    const late = clock.sleep(timeoutMs + serverFirstMs, answered.signal).then(() => {
      this.#replace(connections);
      throw new QueryTimeout(`Postgres did not answer within DATABASE_TIMEOUT_MS=${timeoutMs}`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([queriesOf(connections.sql).query<Row>(statement, parameters), late]);
    } finally {
      answered.abort();
    }
  }

  async close(): Promise<void> {
    await closePostgres(this.#connections.sql);
    await this.#connections.cut();
  }

  #open(): Connections {
    return new Connections(this.url, { ...this.options, statementTimeoutMs: this.options.timeoutMs });
  }

  /** Only the first of the queries that are late on the same connections replaces them. */
  #replace(late: Connections): void {
    if (late !== this.#connections) return;
    this.#connections = this.#open();
    late.cut().catch(() => {});
  }
}

/** The client's pool with its sockets at hand: the client itself waits until its farewell has arrived, or dials again. */
class Connections {
  readonly sql: Sql;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  constructor(url: string, options: PostgresOptions) {
    this.sql = openPostgres(url, { ...options, dial: (host, port) => this.#dial(host, port) });
  }

  /** Fails what is under way, closes every connection at once, and lets no new one be made. */
  async cut(): Promise<void> {
    this.#cut = true;
    await this.sql.end({ timeout: 0 });
    for (const socket of this.#sockets) socket.destroy();
  }

  #dial(host: string, port: number): Socket {
    if (this.#cut) throw new Error("these connections were given up");
    // With the name on it, by which the client checks a server's certificate.
    const socket = Object.assign(connect(port, host), { host, port });
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

export function queriesOf(sql: Sql): Database {
  return {
    query: async <Row>(statement: string, parameters: readonly string[]) =>
      await sql.unsafe<Row[]>(statement, [...parameters], { prepare: true }),
  };
}

/** Waits 2 s for queries that are under way. */
export async function closePostgres(sql: Sql): Promise<void> {
  await sql.end({ timeout: closeTimeoutSeconds });
}
