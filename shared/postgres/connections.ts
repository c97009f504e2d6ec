/** The one place where connections to a Postgres server are opened. */
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
  /** Most connections at once. */
  readonly max: number;
  /** The server ends a statement that takes longer, in ms. */
  readonly timeoutMs: number;
  /** Connections end at an age between 25 and 35 minutes; without this they live for as long as they work. */
  readonly ageing?: { readonly clock: Clock; readonly random: Random };
}

/** A connection that is lent. */
export interface Lent {
  readonly client: pg.PoolClient;
  /** The statements with which each transaction must begin; empty where the session keeps its settings by itself. */
  readonly preamble: string;
}

/** How much longer than the server a client waits, in ms: the server's error says more than silence. */
export const serverFirstMs = 1_000;
/** A new connection is given up after this, in ms, unless the URL has a `connect_timeout`. */
const connectTimeoutMs = 5_000;
/**
 * A name server or a forwarder that leads elsewhere by now is heeded after this time at the latest. The ages differ, so that
 * not all connections of all subscribers are made anew at once.
 */
const oldestMs = { least: 25 * 60_000, most: 35 * 60_000 };
const closeTimeoutMs = 2_000;

/**
 * pg's pool, with its sockets at hand: pg itself waits until its farewell has arrived, which may be for ever
 * (https://github.com/brianc/node-postgres/issues/2648). Remove the set of sockets when pg's pool can close at once: then
 * {@linkcode Connections.cut} calls that. Connections are opened when they are first needed. What the URL's query may say is
 * in {@linkcode databaseParameters}: `?search_path=NAME` picks a schema.
 */
export class Connections {
  readonly #pool: pg.Pool;
  readonly #sockets = new Set<Socket>();
  readonly #known = new WeakMap<pg.ClientBase, { greeting: Greeting; generation: number; endsAt: number }>();
  readonly #host: string;
  readonly #ageing: ConnectionOptions["ageing"];
  /** Counts the errors after which no connection that was open is trusted. */
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
      // pg waits for the promise.
      onConnect: async (client) => {
        const generation = this.#generation;
        const options = { searchPath, statementTimeoutMs: timeoutMs, answerTimeoutMs: timeout, ...parameters };
        const greeting = await greet(client, options);
        const endsAt = ageing ? ageing.clock.monotonic() + ageing.random.int(oldestMs.least, oldestMs.most) : Infinity;
        this.#known.set(client, { greeting, generation, endsAt });
      },
    });
    // The query on a lost connection fails, and the next one gets a new connection. Without these listeners the process
    // would end: https://github.com/brianc/node-postgres/issues/2439. Remove the second one when the pool listens to clients
    // that are lent as well: tests/integration/database_test.ts fails until then.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Lends a connection to `ask` alone. @throws what `ask` throws, or why there is no connection */
  async use<T>(ask: (lent: Lent) => Promise<T>): Promise<T> {
    if (this.#cut) throw new Error("these connections were given up");
    const lent = await this.#lend();
    try {
      const result = await ask(lent);
      lent.client.release();
      return result;
    } catch (error) {
      const sound = leavesSoundConnection(error);
      // The other connections were opened when this one was: what is wrong with its session, or with the server behind it,
      // is wrong with theirs.
      if (!sound) this.#generation++;
      // Behind a pooler, a transaction may still be open on the server's connection.
      lent.client.release(!sound || lent.preamble !== "");
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

  /** A connection that is neither too old nor older than an error that no connection is trusted after. */
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
