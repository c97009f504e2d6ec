import { Buffer } from "node:buffer";
// @ts-types="@types/pg"
import type pg from "pg";

/** Rows in one piece: a call and a wait for each row would cost more than the row. */
const mostBytes = 256 * 1024;

/**
 * A COPY to stdout as a query of pg's (the interface is its `Submittable`, with the handlers that pg-copy-streams has). The socket is
 * not read while a piece is being taken, so that memory holds one or two, however many rows there are.
 */
export class CopyOut {
  readonly #done = Promise.withResolvers<number>();
  #connection: pg.Connection | undefined;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #rows = 0;
  #failed = false;
  /** Resolves when what was handed over is taken. */
  #taken: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly statement: string,
    private readonly take: (rows: Uint8Array<ArrayBuffer>) => Promise<unknown>,
  ) {}

  /** Resolves when the last row is taken, with how many there were. */
  get rows(): Promise<number> {
    return this.#done.promise;
  }

  submit(connection: pg.Connection): void {
    this.#connection = connection;
    connection.query(this.statement);
  }

  /** One row. Its memory is the client's, which reads the next message into it. */
  handleCopyData({ chunk }: { readonly chunk: Uint8Array }): void {
    this.#rows++;
    this.#bytes += chunk.length;
    this.#pieces.push(Buffer.from(chunk));
    if (this.#bytes >= mostBytes) this.#handOver();
  }

  handleReadyForQuery(): void {
    this.#handOver();
    this.#taken.then(() => this.#done.resolve(this.#rows), (error) => this.#done.reject(error));
  }

  handleError(error: Error): void {
    this.#done.reject(error);
  }

  #handOver(): void {
    if (this.#pieces.length === 0 || this.#failed) return;
    const piece = new Uint8Array(Buffer.concat(this.#pieces));
    [this.#pieces, this.#bytes] = [[], 0];
    const { stream } = this.#connection!;
    stream.pause();
    this.#taken = this.#taken.then(() => this.take(piece));
    // After a failure the rest is read and passed over: the connection stays sound, and the error is told at the end.
    this.#taken.catch(() => this.#failed = true).finally(() => stream.resume());
  }

  handleCopyInResponse(): void {}
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
