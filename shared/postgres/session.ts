/** Queries of commands, tools and tests: rows as objects, several statements at once, transactions. */
import "../runtime/deno_workarounds/without_env.ts";
// @ts-types="@types/pg"
import pg from "pg";
import { systemClock } from "../runtime/clock.ts";
import { type ConnectionOptions, Connections, type Lent, serverFirstMs } from "./connections.ts";
import { CopyOut } from "./copy_out.ts";

/** By the columns' names. */
type Row = Record<string, unknown>;

/** A parameter: `$1` and so on. An array is one of Postgres's. */
export type Parameter = string | number | bigint | boolean | Date | null | readonly (string | number)[];

/** Asks within a transaction: several statements at once, or one with parameters. @returns the rows of the last, as arrays */
export type Ask = (statements: string, parameters?: readonly Parameter[]) => Promise<unknown[][]>;

/** By default one connection, so that what is set on the session lasts until that is lost, and 60 s for a query. */
export type SessionOptions = Pick<ConnectionOptions, "name"> & Partial<Omit<ConnectionOptions, "ageing">>;

const defaultTimeoutMs = 60_000;

const { BOOL, FLOAT4, FLOAT8, INT2, INT4, JSON: PLAIN_JSON, JSONB, OID, TIMESTAMPTZ } = pg.types.builtins;

/**
 * Everything else stays text. An int8 or a numeric would be rounded as a number, and pg reads a timestamp without a time zone as
 * one of this machine's zone.
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
 * A connection to Postgres, or a few, opened when first needed and again after they are lost. `?search_path=NAME` in the URL picks
 * a schema.
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
   * Several statements at once, which are one transaction, or one with parameters.
   * @returns the rows of the last
   * @throws what Postgres says, with the SQLSTATE as `code`; or why it was not reached
   */
  query<R = Row>(statements: string, parameters: readonly Parameter[] = []): Promise<R[]> {
    return this.#connections.use((lent) => this.#queryOver<R>(lent, statements, parameters));
  }

  /**
   * Hands the rows of a COPY to stdout over, some at a time: the next ones are read once `take` is done with these.
   * @returns how many rows there were
   * @throws what Postgres says, or `take`
   */
  copyOut(statement: string, take: (rows: Uint8Array<ArrayBuffer>) => Promise<unknown>): Promise<number> {
    return this.#connections.use(({ client, preamble }) => client.query(new CopyOut(preamble + statement, take)).rows);
  }

  /** The only row. @throws when there is another number of them, and as {@linkcode query} does */
  async one<R = Row>(statements: string, parameters: readonly Parameter[] = []): Promise<R> {
    const rows = await this.query<R>(statements, parameters);
    if (rows.length !== 1) throw new Error(`${rows.length} rows, not 1, came of: ${statements}`);
    return rows[0]!;
  }

  /** Commits when `act` is done; what it throws undoes all of it, and is thrown. */
  transaction<T>(act: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#connections.use(async ({ client, preamble }) => {
      const ask: Ask = (text, parameters = []) => this.#ask(client, text, parameters, "array");
      await ask(`begin; ${preamble}`);
      try {
        const result = await act(ask);
        const { command } = await client.query("commit");
        // Postgres answers so, and not by an error, when one of the statements had failed.
        if (command !== "COMMIT") throw new Error("the transaction was undone, for one of its statements had failed");
        return result;
      } catch (error) {
        // After any other error the connection is closed, which ends the transaction as well.
        if (error instanceof pg.DatabaseError) await ask("rollback");
        throw error;
      }
    });
  }

  /** Waits 2 s for queries that are under way. */
  async close(): Promise<void> {
    await this.#connections.close(systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Behind a pooler the settings are of the transaction, and parameters go with one statement alone. */
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
