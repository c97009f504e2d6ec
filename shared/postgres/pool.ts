/** The subscriber's queries. Each is prepared once per connection and has a deadline. */
import type { Buffer } from "node:buffer";
// @ts-types="@types/pg"
import type pg from "pg";
import type { Clock } from "../runtime/clock.ts";
import { deadline } from "../runtime/deadline.ts";
import type { Random } from "../runtime/random.ts";
import { type ConnectionOptions, Connections, type Lent, serverFirstMs } from "./connections.ts";

/** A row's fields in the order of the select list, as text: nothing is rounded or parsed needlessly. */
export type Row = readonly (string | null)[];

/** A value for `$1` and so on: text, or bytes in the type's binary format. The statement casts it. */
export type Parameter = string | Buffer;

/** Sends each request to Postgres as one message, which is its own transaction. */
export interface Database {
  query(statement: string, parameters: readonly Parameter[]): Promise<readonly Row[]>;

  /**
   * Copies rows into a table and runs other statements in the same transaction.
   * @param statements any number, one of them a COPY from stdin
   * @param rows the COPY's input, as {@linkcode CopyRows} returns it, in one or more parts
   */
  copyIn(statements: Statements, ...rows: readonly Uint8Array[]): Promise<void>;
}

/** A text of one or more statements, or texts and planned statements in order. */
export type Statements = string | readonly (string | Planned)[];

/**
 * One statement that each direct connection plans once: planning costs more than running it. It must name tables that
 * may be replaced by `to_regclass()`: a cast to `regclass` is evaluated when the statement is prepared.
 */
export interface Planned {
  readonly text: string;
  /** For `$1` and so on; the statement casts them. */
  readonly values: readonly string[];
}

/** Returns the statements as one text with all values in it. */
export function inlined(statements: Statements): string {
  return textOf(statements, ({ text, values }) => text.replace(/\$(\d+)/g, (_, n) => quoted(values[Number(n) - 1]!)));
}

function textOf(statements: Statements, textOfPlanned: (planned: Planned) => string): string {
  if (typeof statements === "string") return statements;
  return statements.map((each) => typeof each === "string" ? each : textOfPlanned(each)).join(";\n");
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Whether Postgres answers a query. Never rejects. */
export async function answers(database: Pick<Database, "query">): Promise<boolean> {
  return await database.query("select 1", []).then(() => true, () => false);
}

/** Postgres did not answer in time. The statement may or may not have taken effect. */
export class QueryTimeout extends Error {
  override readonly name = "QueryTimeout";
}

export interface DatabaseOptions extends Omit<ConnectionOptions, "ageing"> {
  readonly clock: Clock;
  /** Gives connections a maximum age; short-lived programs do not need it. */
  readonly random?: Random;
}

const asText = { getTypeParser: () => (text: string) => text };
const asArrays = { rowMode: "array" as const, types: asText };

/**
 * A pool that connects on demand and whose queries have a deadline.
 *
 * A query times out when the server is gone or the network drops packets. pg would wait as long as TCP does, a quarter
 * of an hour. After a timeout the pool drops all connections and opens new ones. The server ends the abandoned
 * statement by itself, by `statement_timeout` or, while it waits for input, by keepalives.
 *
 * Direct connections to Postgres keep the plan of each statement. Behind a pooler the next transaction may run in
 * another session, so nothing is prepared, and each query is a transaction of three messages.
 */
export class DatabasePool implements Database {
  readonly #statements = new Map<string, string>();
  /** The names of planned statements by connection. */
  readonly #planned = new WeakMap<pg.ClientBase, Set<string>>();
  #connections: Connections;

  constructor(private readonly url: string, private readonly options: DatabaseOptions) {
    this.#connections = this.#open();
  }

  /** @throws {QueryTimeout}, or the error of Postgres or the client */
  async query(text: string, parameters: readonly Parameter[]): Promise<readonly Row[]> {
    const values = [...parameters];
    const { rows } = await this.#withDeadline(({ client, preamble }) =>
      preamble === ""
        ? client.query<(string | null)[]>({ name: this.#nameOf(text), text, ...asArrays }, values)
        : inTransaction(client, preamble, { text, values, ...asArrays })
    );
    return rows;
  }

  /** @throws {QueryTimeout}, or the error of Postgres or the client */
  copyIn(statements: Statements, ...rows: readonly Uint8Array[]): Promise<void> {
    return this.#withDeadline(async ({ client, preamble }) => {
      const text = preamble === "" ? await this.#prepared(statements, client) : preamble + inlined(statements);
      await client.query(new CopyIn(text, rows)).done;
    });
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

  /** When several queries time out on the same connections, only the first replaces them. */
  #replace(late: Connections): void {
    if (late !== this.#connections) return;
    this.#connections = this.#open();
    late.cut();
  }

  /** Prepares planned statements that are new to the connection, and returns a text that executes them. */
  async #prepared(statements: Statements, client: pg.ClientBase): Promise<string> {
    if (typeof statements === "string") return statements;
    let known = this.#planned.get(client);
    if (!known) this.#planned.set(client, known = new Set());
    for (const each of statements) {
      if (typeof each === "string") continue;
      const name = this.#nameOf(each.text);
      if (known.has(name)) continue;
      await client.query(`prepare ${name} as ${each.text}`);
      known.add(name);
    }
    return textOf(
      statements,
      ({ text, values }) =>
        values.length === 0
          ? `execute ${this.#nameOf(text)}`
          : `execute ${this.#nameOf(text)}(${values.map(quoted).join(", ")})`,
    );
  }

  /** Postgres plans a named statement once per connection. */
  #nameOf(statement: string): string {
    let name = this.#statements.get(statement);
    if (name === undefined) this.#statements.set(statement, name = `s${this.#statements.size}`);
    return name;
  }
}

/** Does not roll back on an error: the caller closes the connection, which ends the transaction. */
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
 * Statements, one of them a COPY from stdin, as a pg query: implements pg's `Submittable` with the handlers of
 * pg-copy-streams. Statements and rows go out at once and are one transaction. Postgres reads the rows at the COPY, or
 * skips them when an earlier statement fails (PostgreSQL documentation, 55.2.6 "COPY Operations").
 */
class CopyIn {
  readonly #done = Promise.withResolvers<void>();

  constructor(private readonly statements: string, private readonly rows: readonly Uint8Array[]) {}

  /** Resolves when the transaction is committed. */
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
