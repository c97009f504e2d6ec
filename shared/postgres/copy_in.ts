import type { Buffer } from "node:buffer";
// @ts-types="@types/pg"
import type pg from "pg";

/**
 * Statements, one of them a COPY from stdin, as a query of pg's (the interface is its `Submittable`, with the handlers that
 * pg-copy-streams has). All goes out at once: Postgres reads the rows when it comes to the COPY and, when something fails
 * before, passes over them (PostgreSQL documentation, 55.2.6 "COPY Operations"). Together they are one transaction.
 */
export class CopyIn {
  readonly #done = Promise.withResolvers<void>();

  constructor(private readonly statements: string, private readonly rows: Buffer) {}

  /** Resolves when it is committed. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  submit(connection: pg.Connection): void {
    connection.query(this.statements);
    connection.stream.write(this.rows);
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
