import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

const mostReadAtOnce = 4_096;

/** Adapts a connection of Deno to the socket that node:http needs. */
export class ConnSocket extends Duplex {
  constructor(private readonly conn: Deno.Conn) {
    super();
  }

  override _read(): void {
    const chunk = new Uint8Array(mostReadAtOnce);
    this.conn.read(chunk).then(
      (length) => this.push(length === null ? null : Buffer.from(chunk.buffer, 0, length)),
      // The peer reset the connection, or we closed it.
      () => this.destroy(),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.conn.closeWrite().then(() => done(), () => this.destroy());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.conn.close();
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.conn.write(rest));
  }
}
