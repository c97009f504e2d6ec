/** The subscriber's queries: each is prepared once for each connection, and has a deadline. */
import type { Buffer } from "node:buffer";
// @ts-types="@types/pg"
import type pg from "pg";
import type { Clock } from "../runtime/clock.ts";
import { deadline } from "../runtime/deadline.ts";
import type { Random } from "../runtime/random.ts";
import { type ConnectionOptions, Connections, type Lent, serverFirstMs } from "./connections.ts";

/** The fields of a row in the order in which they were asked for, as text: nothing is rounded, nothing read in vain. */
export type Row = readonly (string | null)[];

/** For `$1` and so on: text, as Postgres reads it, or bytes in its binary form of the type. The statement casts it. */
export type Parameter = string | Buffer;

/** What asks Postgres something in one message, which is a transaction of its own. */
export interface Database {
  query(statement: string, parameters: readonly Parameter[]): Promise<readonly Row[]>;

  /**
   * Rows into a table, and what goes with them.
   * @param statements any number, one of them a COPY from stdin
   * @param rows what it reads, as {@linkcode CopyRows} gives it, in one piece or in several
   */
  copyIn(statements: string, ...rows: readonly Uint8Array[]): Promise<void>;
}

/** Postgres did not answer in time. Whether the statement took effect is not known. */
export class QueryTimeout extends Error {
  override readonly name = "QueryTimeout";
}

export interface DatabaseOptions extends Omit<ConnectionOptions, "ageing"> {
  readonly clock: Clock;
  /** Has connections end at an age; a program that ends soon itself need not. */
  readonly random?: Random;
}

const asText = { getTypeParser: () => (text: string) => text };
const asArrays = { rowMode: "array" as const, types: asText };

/**
 * A pool that connects when it is first asked, and whose queries have a deadline. A query that is late has lost its server,
 * or a network that swallows what is sent; the client itself would wait for as long as TCP does, a quarter of an hour. So all
 * connections are dropped and new ones opened, and the server gives up by itself what it is still at (`statement_timeout`, and
 * keepalives for what it waits for).
 *
 * Connections to Postgres itself keep the plan of each statement. Behind a pooler, whose next transaction may get another
 * session, nothing is prepared, and each query is a transaction of three messages.
 */
export class DatabasePool implements Database {
  readonly #statements = new Map<string, string>();
  #connections: Connections;

  constructor(private readonly url: string, private readonly options: DatabaseOptions) {
    this.#connections = this.#open();
  }

  /** @throws {QueryTimeout}, or what Postgres or the client says */
  async query(text: string, parameters: readonly Parameter[]): Promise<readonly Row[]> {
    const values = [...parameters];
    const { rows } = await this.#withDeadline(({ client, preamble }) =>
      preamble === ""
        ? client.query<(string | null)[]>({ name: this.#nameOf(text), text, ...asArrays }, values)
        : inTransaction(client, preamble, { text, values, ...asArrays })
    );
    return rows;
  }

  /** @throws {QueryTimeout}, or what Postgres or the client says */
  copyIn(statements: string, ...rows: readonly Uint8Array[]): Promise<void> {
    return this.#withDeadline(({ client, preamble }) => client.query(new CopyIn(preamble + statements, rows)).done);
  }

  async close(): Promise<void> {
    await this.#connections.close(this.options.clock);
  }

  #withDeadline<T>(ask: (lent: Lent) => Promise<T>): Promise<T> {
    const { timeoutMs, clock } = this.options;
    const connections = this.#connections;
    const exceeded = () => {
      this.#replace(connections);
      return new QueryTimeout(`Postgres did not answer within DATABASE_TIMEOUT_MS=${timeoutMs}`);
    };
    return deadline(connections.use(ask), { ms: timeoutMs + serverFirstMs, clock, exceeded });
  }

  #open(): Connections {
    const { clock, random, ...options } = this.options;
    return new Connections(this.url, { ...options, ...random && { ageing: { clock, random } } });
  }

  /** Only the first of the queries that are late on the same connections replaces them. */
  #replace(late: Connections): void {
    if (late !== this.#connections) return;
    this.#connections = this.#open();
    late.cut();
  }

  /** A statement that has a name is planned once for each connection. */
  #nameOf(statement: string): string {
    let name = this.#statements.get(statement);
    if (name === undefined) this.#statements.set(statement, name = `s${this.#statements.size}`);
    return name;
  }
}

/** What fails leaves the transaction open: the connection is closed then. */
async function inTransaction(
  client: pg.PoolClient,
  preamble: string,
  query: pg.QueryArrayConfig,
): Promise<{ rows: (string | null)[][] }> {
  await client.query(`begin; ${preamble}`);
  const result = await client.query<(string | null)[]>(query);
  await client.query("commit");
  return result;
}

/**
 * Statements, one of them a COPY from stdin, as a query of pg's (the interface is its `Submittable`, with the handlers that
 * pg-copy-streams has). All goes out at once: Postgres reads the rows when it comes to the COPY and, when something fails
 * before, passes over them (PostgreSQL documentation, 55.2.6 "COPY Operations"). Together they are one transaction.
 */
class CopyIn {
  readonly #done = Promise.withResolvers<void>();

  constructor(private readonly statements: string, private readonly rows: readonly Uint8Array[]) {}

  /** Resolves when it is committed. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  submit(connection: pg.Connection): void {
    connection.query(this.statements);
    for (const piece of this.rows) connection.stream.write(piece);
  }

  handleReadyForQuery(): void {
    this.#done.resolve();
  }

  handleError(error: Error): void {
    this.#done.reject(error);
  }

  handleCopyInResponse(): void {}
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
