/** The one place where connections to a Postgres server are opened. */
import "../runtime/deno_workarounds/without_env.ts";
import { Socket } from "node:net";
// @ts-types="@types/pg"
import pg from "pg";
import type { Clock } from "../runtime/clock.ts";
import { settledWithin } from "../runtime/deadline.ts";
import { splitTls } from "../runtime/tls.ts";

export interface ConnectionOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Most connections at once. */
  readonly max: number;
  /** The server ends a statement that takes longer, in ms. */
  readonly timeoutMs: number;
}

/** How much longer than the server a client waits, in ms: the server's error says more than silence. */
export const serverFirstMs = 1_000;
/** A new connection is given up after this, in ms. */
const connectTimeoutMs = 5_000;
const closeTimeoutMs = 2_000;
/** SQLSTATE feature_not_supported, as in "cached plan must not change result type": a table was altered under us. */
const cannotUsePlan = "0A000";
/**
 * A server that waits for the rest of a COPY heeds no timeout of its own: when we are gone without a farewell, keepalives find
 * that out within about a minute, in place of two hours.
 */
const serverKeepalives = { tcp_keepalives_idle: 30, tcp_keepalives_interval: 10, tcp_keepalives_count: 3 };

/**
 * pg's pool, with its sockets at hand: pg itself waits until its farewell has arrived, which may be for ever
 * (https://github.com/brianc/node-postgres/issues/2648). Connections are opened when they are first needed. Parameters in
 * the URL's query are set on each connection, so that `?search_path=NAME` picks a schema.
 */
export class Connections {
  readonly #pool: pg.Pool;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  constructor(url: string, { name, max, timeoutMs }: ConnectionOptions) {
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
    // The query on a lost connection fails, and the next one gets a new connection. Without these listeners the process
    // would end: https://github.com/brianc/node-postgres/issues/2439.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Lends a connection to `ask` alone. @throws what `ask` throws, or why there is no connection */
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

  /** Says goodbye on each connection once it is idle, and cuts what is left after 2 s. */
  async close(clock: Clock): Promise<void> {
    await settledWithin(closeTimeoutMs, clock, this.#pool.end());
    this.cut();
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
