/** The only module that opens connections to a Postgres server. */
import "../runtime/deno_workarounds/without_env.ts";
import { Socket } from "node:net";
// @ts-types="@types/pg"
import pg from "pg";
import type { Clock } from "../runtime/clock.ts";
import { databaseParameters } from "../runtime/configuration/database_url.ts";
import { settledWithin } from "../runtime/deadline.ts";
import type { Random } from "../runtime/random.ts";
import { splitTls } from "../runtime/tls.ts";
import { greet, type Greeting } from "./greeting.ts";
import { explainRefusal, leavesSoundConnection } from "./refusal.ts";

export interface ConnectionOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Maximum number of open connections. */
  readonly max: number;
  /** The server's statement timeout, in ms. */
  readonly timeoutMs: number;
  /** Closes connections at an age between 25 and 35 minutes. `undefined`: connections have no maximum age. */
  readonly ageing?: { readonly clock: Clock; readonly random: Random };
}

/** A borrowed connection. */
export interface Lent {
  readonly client: pg.PoolClient;
  /** The statements that must begin each transaction; empty when the session keeps its settings. */
  readonly preamble: string;
}

/** How much longer the client waits than the server, in ms: the server's error tells more than a client timeout. */
export const serverFirstMs = 1_000;
/** Connect timeout in ms; a `connect_timeout` in the URL takes precedence. */
const connectTimeoutMs = 5_000;
/**
 * Maximum age of a connection, in ms. After this time at the latest, connections follow a changed DNS record or
 * forwarder. The age is random, so that the subscribers do not all reconnect at once.
 */
const oldestMs = { least: 25 * 60_000, most: 35 * 60_000 };
const closeTimeoutMs = 2_000;

/**
 * A pg pool that can close at once. It opens connections on demand. {@linkcode databaseParameters} lists the URL's
 * query parameters: `?search_path=NAME` selects a schema.
 *
 * The pool keeps its sockets, because pg waits for the server to answer its goodbye, which may be for ever
 * (https://github.com/brianc/node-postgres/issues/2648).
 * Remove the set of sockets when pg's pool can close at once: then {@linkcode Connections.cut} calls that.
 */
export class Connections {
  readonly #pool: pg.Pool;
  readonly #sockets = new Set<Socket>();
  readonly #known = new WeakMap<pg.ClientBase, { greeting: Greeting; generation: number; endsAt: number }>();
  readonly #host: string;
  readonly #ageing: ConnectionOptions["ageing"];
  /** Counts the errors after which no open connection is reused. */
  #generation = 0;
  #cut = false;

  constructor(text: string, { name, max, timeoutMs, ageing }: ConnectionOptions) {
    const { url, tls } = splitTls(text);
    const { searchPath, applicationName = name, ...parameters } = databaseParameters(new URL(text));
    const timeout = parameters.connectTimeoutMs ?? connectTimeoutMs;
    url.search = "";
    this.#host = url.host;
    this.#ageing = ageing;
    this.#pool = new pg.Pool({
      connectionString: url.href,
      ssl: tls ?? false,
      max,
      application_name: applicationName,
      connectionTimeoutMillis: timeout,
      idleTimeoutMillis: 0,
      keepAlive: true,
      stream: () => this.#socket(),
      // pg awaits this promise before it hands out the connection.
      onConnect: async (client) => {
        const generation = this.#generation;
        const options = { searchPath, statementTimeoutMs: timeoutMs, answerTimeoutMs: timeout, ...parameters };
        const greeting = await greet(client, options);
        const endsAt = ageing ? ageing.clock.monotonic() + ageing.random.int(oldestMs.least, oldestMs.most) : Infinity;
        this.#known.set(client, { greeting, generation, endsAt });
      },
    });
    // Without these listeners, a lost connection would end the process. The query on it fails anyway, and the next
    // query gets a new connection: https://github.com/brianc/node-postgres/issues/2439. Remove the second listener
    // when the pool also listens to borrowed clients: tests/integration/database_test.ts fails until then.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Calls `ask` with an exclusive connection. @throws the error of `ask`, or of connecting */
  async use<T>(ask: (lent: Lent) => Promise<T>): Promise<T> {
    if (this.#cut) throw new Error("these connections were given up");
    const lent = await this.#lend();
    try {
      const result = await ask(lent);
      lent.client.release();
      return result;
    } catch (error) {
      const sound = leavesSoundConnection(error);
      // The other open connections have the same problem: their sessions are alike, and their server is the same.
      if (!sound) this.#generation++;
      // Behind a pooler, the server's session may still have an open transaction.
      lent.client.release(!sound || lent.preamble !== "");
      throw error;
    }
  }

  /** Closes each connection once it is idle, and cuts the remaining ones after 2 s. */
  async close(clock: Clock): Promise<void> {
    await settledWithin(closeTimeoutMs, clock, this.#pool.end());
    this.cut();
  }

  /** Closes every connection at once, so that pending queries fail, and opens no new connection. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#pool.ending) this.#pool.end().catch(() => {});
  }

  /** Returns a connection that is not past its age, and newer than the last error that discards open ones. */
  async #lend(): Promise<Lent> {
    for (;;) {
      const client = await this.#connect();
      const { greeting, generation, endsAt } = this.#known.get(client)!;
      const isOld = this.#ageing !== undefined && this.#ageing.clock.monotonic() >= endsAt;
      if (generation === this.#generation && !isOld) return { client, preamble: greeting.preamble };
      client.release(true);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw explainRefusal(error, this.#host);
    }
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}
