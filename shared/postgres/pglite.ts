/** Postgres in this process, in memory, compiled to WebAssembly: for the demo that needs no servers. */
import { Buffer } from "node:buffer";
import { PGlite, type Results } from "@electric-sql/pglite";
import type { Database, Parameter, Row } from "./pool.ts";

type Fields = (string | null)[];

const inArrays = { rowMode: "array" } as const;
const asText = (text: string) => text;
const messageHeaderBytes = 5;

/** Has one connection: what is asked at once is answered one after the other, and the process does nothing else meanwhile. */
export class PgliteDatabase implements Database {
  private constructor(private readonly postgres: PGlite) {}

  /**
   * An empty database, which is gone when it is closed or the process ends. To start it costs 2.6 s of a processor, and 1.5 s
   * with V8's `--liftoff-only`, which leaves WebAssembly unoptimized; 10,000 events cost the same either way.
   */
  static async open(): Promise<PgliteDatabase> {
    const postgres = await PGlite.create();
    // As pool.ts has them: nothing is rounded, nothing read in vain.
    for (const type of Object.keys(postgres.parsers)) postgres.parsers[type] = asText;
    for (const type of Object.keys(postgres.serializers)) postgres.serializers[type] = asText;
    return new PgliteDatabase(postgres);
  }

  /** @throws what Postgres says, with the SQLSTATE as `code` */
  async query(statement: string, parameters: readonly Parameter[]): Promise<readonly Row[]> {
    return rowsOf(await this.postgres.query(statement, [...parameters], inArrays));
  }

  /** @throws what Postgres says, with the SQLSTATE as `code` */
  async copyIn(statements: string, ...rows: readonly Uint8Array[]): Promise<void> {
    // The rows must be there when Postgres comes to the COPY: PGlite does not wait for a message that is yet to come.
    const message = Buffer.concat([queryMessage(statements), ...rows]);
    await this.postgres.runExclusive(() => this.postgres.execProtocol(message));
  }

  /**
   * What `act` throws undoes all that it did. Must not overlap with {@linkcode copyIn}, which would become part of it.
   * @param act is given what asks: several statements at once, or one with parameters
   */
  async transaction(
    act: (ask: (statements: string, parameters?: readonly string[]) => Promise<Fields[]>) => Promise<void>,
  ): Promise<void> {
    await this.postgres.transaction((transaction) =>
      act(async (statements, parameters = []) => {
        if (parameters.length > 0) return rowsOf(await transaction.query(statements, [...parameters], inArrays));
        return rowsOf((await transaction.exec(statements, inArrays)).at(-1));
      })
    );
  }

  async close(): Promise<void> {
    await this.postgres.close();
  }
}

/** PostgreSQL documentation, 55.7 "Message Formats", "Query". */
function queryMessage(statements: string): Buffer {
  const text = Buffer.from(`${statements}\0`);
  const header = Buffer.alloc(messageHeaderBytes);
  header.write("Q", "latin1");
  // The length counts itself, and not the letter before it.
  header.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([header, text]);
}

function rowsOf(results: Results<unknown> | undefined): Fields[] {
  return (results?.rows ?? []) as Fields[];
}
