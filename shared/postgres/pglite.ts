/** Postgres in this process and in memory, compiled to WebAssembly, for the demo without servers. */
import { Buffer } from "node:buffer";
import { PGlite, type Results } from "@electric-sql/pglite";
import { type Database, inlined, type Parameter, type Row, type Statements } from "./pool.ts";

type Fields = (string | null)[];

const inArrays = { rowMode: "array" } as const;
const asText = (text: string) => text;
const messageHeaderBytes = 5;
/** Files and buffers are all memory of this process. By default, 100 MB more would be in use. */
const small = { shared_buffers: "32MB", max_wal_size: "16MB", min_wal_size: "2MB", max_connections: "5" };

/** Has one connection: concurrent queries run one after the other, and each blocks the process. */
export class PgliteDatabase implements Database {
  private constructor(private readonly postgres: PGlite) {}

  /**
   * Opens an empty database, which is lost when it is closed or the process ends. Starting takes 2.6 s of CPU time, or
   * 1.5 s with V8's `--liftoff-only`, which does not optimize WebAssembly. 10,000 events cost the same either way.
   */
  static async open(): Promise<PgliteDatabase> {
    const postgres = await PGlite.create({
      initDbStartParams: [
        "--wal-segsize=1",
        "--no-sync",
        ...Object.entries(small).map(([name, value]) => `--set=${name}=${value}`),
      ],
      startParams: [
        ...PGlite.defaultStartParams,
        ...Object.entries(small).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
    });
    // All values are text, as in pool.ts: nothing is rounded or parsed needlessly.
    for (const type of Object.keys(postgres.parsers)) postgres.parsers[type] = asText;
    for (const type of Object.keys(postgres.serializers)) postgres.serializers[type] = asText;
    return new PgliteDatabase(postgres);
  }

  /** @throws Postgres's error, with the SQLSTATE as `code` */
  async query(statement: string, parameters: readonly Parameter[]): Promise<readonly Row[]> {
    return rowsOf(await this.postgres.query(statement, [...parameters], inArrays));
  }

  /** @throws Postgres's error, with the SQLSTATE as `code` */
  async copyIn(statements: Statements, ...rows: readonly Uint8Array[]): Promise<void> {
    // The statements and all rows go in one buffer: PGlite does not wait for later messages when it reaches the COPY.
    const message = Buffer.concat([queryMessage(inlined(statements)), ...rows]);
    await this.postgres.runExclusive(() => this.postgres.execProtocol(message));
  }

  /**
   * Rolls back when `act` throws. Must not overlap with {@linkcode copyIn}, which would join the transaction.
   * @param act gets a function that runs several statements at once, or one statement with parameters
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
  // The length includes the length field but not the letter before it.
  header.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([header, text]);
}

function rowsOf(results: Results<unknown> | undefined): Fields[] {
  return (results?.rows ?? []) as Fields[];
}
