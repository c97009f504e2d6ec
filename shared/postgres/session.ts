/** Queries for commands, tools and tests: rows as objects, several statements at once, transactions. */
import "../runtime/deno_workarounds/without_env.ts";
// @ts-types="@types/pg"
import pg from "pg";
import { systemClock } from "../runtime/clock.ts";
import { type ConnectionOptions, Connections, type Lent, serverFirstMs } from "./connections.ts";
import { CopyOut } from "./copy_out.ts";

/** Values by column name. */
type Row = Record<string, unknown>;

/** A value for `$1` and so on. An array becomes a Postgres array. */
export type Parameter = string | number | bigint | boolean | Date | null | readonly (string | number)[];

/**
 * Runs several statements at once, or one statement with parameters, within a transaction.
 * @returns the rows of the last statement, as arrays
 */
export type Ask = (statements: string, parameters?: readonly Parameter[]) => Promise<unknown[][]>;

/** By default: one connection, so that session settings last until it is lost, and 60 s per query. */
export type SessionOptions = Pick<ConnectionOptions, "name"> & Partial<Omit<ConnectionOptions, "ageing">>;

const defaultTimeoutMs = 60_000;

const { BOOL, FLOAT4, FLOAT8, INT2, INT4, JSON: PLAIN_JSON, JSONB, OID, TIMESTAMPTZ } = pg.types.builtins;

/**
 * All other types stay text: a number would round an int8 or a numeric, and pg reads a timestamp without time zone in
 * this machine's time zone.
 */
const readers = new Map<number, (text: string) => unknown>([
  ...[INT2, INT4, OID, FLOAT4, FLOAT8].map((type) => [type, Number] as const),
  ...[PLAIN_JSON, JSONB].map((type) => [type, JSON.parse] as const),
  [BOOL, (text) => text === "t"],
  [TIMESTAMPTZ, (text) => new Date(text)],
]);
const asText = (text: string) => text;
const types = { getTypeParser: (type: number) => readers.get(type) ?? asText } as pg.CustomTypesConfig;

/**
 * One or a few connections to Postgres, opened on demand and reopened when they are lost. `?search_path=NAME` in the
 * URL selects a schema.
 *
 * ```ts ignore
 * await using sql = new Session(DATABASE_URL, { name: "casino-test" });
 * const { rows } = await sql.one<{ rows: number }>("select count(*)::int as rows from events where type = $1", ["bet"]);
 * ```
 */
export class Session implements AsyncDisposable {
  readonly #connections: Connections;
  readonly #timeoutMs: number;

  constructor(url: string, { name, max = 1, timeoutMs = defaultTimeoutMs }: SessionOptions) {
    this.#timeoutMs = timeoutMs;
    this.#connections = new Connections(url, { name, max, timeoutMs });
  }

  /**
   * Runs several statements at once, as one transaction, or one statement with parameters.
   * @returns the rows of the last statement
   * @throws Postgres's error, with the SQLSTATE as `code`; or the error of connecting
   */
  query<R = Row>(statements: string, parameters: readonly Parameter[] = []): Promise<R[]> {
    return this.#connections.use((lent) => this.#queryOver<R>(lent, statements, parameters));
  }

  /**
   * Passes the rows of a COPY to stdout to `take`, some at a time, and reads the next ones once `take` resolves.
   * @returns the number of rows
   * @throws errors of Postgres or of `take`
   */
  copyOut(statement: string, take: (rows: Uint8Array<ArrayBuffer>) => Promise<unknown>): Promise<number> {
    return this.#connections.use(({ client, preamble }) => client.query(new CopyOut(preamble + statement, take)).rows);
  }

  /** Returns the only row. @throws {Error} unless there is exactly one row; and as {@linkcode query} does */
  async one<R = Row>(statements: string, parameters: readonly Parameter[] = []): Promise<R> {
    const rows = await this.query<R>(statements, parameters);
    if (rows.length !== 1) throw new Error(`${rows.length} rows, not 1, came of: ${statements}`);
    return rows[0]!;
  }

  /** Commits when `act` resolves. Rolls back when it throws, and throws its error. */
  transaction<T>(act: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#connections.use(async ({ client, preamble }) => {
      const ask: Ask = (text, parameters = []) => this.#ask(client, text, parameters, "array");
      await ask(`begin; ${preamble}`);
      try {
        const result = await act(ask);
        const { command } = await client.query("commit");
        // When a statement of the transaction failed, Postgres answers COMMIT with ROLLBACK instead of an error.
        if (command !== "COMMIT") throw new Error("the transaction was undone, for one of its statements had failed");
        return result;
      } catch (error) {
        // After any other error `use` closes the connection, which ends the transaction.
        if (error instanceof pg.DatabaseError) await ask("rollback");
        throw error;
      }
    });
  }

  /** Waits up to 2 s for pending queries. */
  async close(): Promise<void> {
    await this.#connections.close(systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Behind a pooler, each transaction sets its settings, and a message with parameters can hold only one statement. */
  async #queryOver<R>({ client, preamble }: Lent, statements: string, parameters: readonly Parameter[]): Promise<R[]> {
    if (preamble === "" || parameters.length === 0) {
      return await this.#ask<R>(client, preamble + statements, parameters);
    }
    await this.#ask(client, `begin; ${preamble}`, []);
    const rows = await this.#ask<R>(client, statements, parameters);
    await this.#ask(client, "commit", []);
    return rows;
  }

  async #ask<R>(
    client: pg.PoolClient,
    text: string,
    parameters: readonly Parameter[],
    rowMode?: "array",
  ): Promise<R[]> {
    const values = parameters.length > 0 && { values: [...parameters] };
    const query = { text, types, ...values, ...rowMode && { rowMode }, query_timeout: this.#timeoutMs + serverFirstMs };
    const results = await client.query(query) as unknown as pg.QueryResult | pg.QueryResult[];
    const last = Array.isArray(results) ? results.at(-1) : results;
    return (last?.rows ?? []) as R[];
  }
}
