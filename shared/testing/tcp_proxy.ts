/** A TCP proxy in front of a server, whose connections a test can cut, hold up and speak into. */
export class TcpProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: { hostname: string; port: number };
  readonly #pairs = new Set<{ client: Deno.TcpConn; server: Deno.TcpConn }>();
  readonly #pumps = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #held: { promise: Promise<void>; release: () => void } | undefined;

  /** @param url of the server; {@linkcode url} is the same with the proxy's address */
  constructor(private readonly original: string) {
    const { hostname, port } = new URL(original);
    this.#target = { hostname, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  get url(): string {
    const url = new URL(this.original);
    url.host = `127.0.0.1:${this.#listener.addr.port}`;
    return url.href;
  }

  /** Cuts every connection that is open now. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      for (const end of [client, server]) {
        try {
          end.close();
        } catch {
          // Closed already.
        }
      }
    }
  }

  /** What clients send stays here until {@linkcode letGo}. */
  holdUp(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = { promise, release: resolve };
  }

  letGo(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  /** Sends bytes to every client, as if from the server. */
  async say(bytes: Uint8Array): Promise<void> {
    for (const { client } of this.#pairs) await client.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.letGo();
    this.cut();
    await this.#accepting;
    await Promise.all(this.#pumps);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect(this.#target);
      const pair = { client, server };
      this.#pairs.add(pair);
      const pumping = Promise.all([this.#pump(client, server, true), this.#pump(server, client, false)]).then(() => {
        this.#pairs.delete(pair);
        this.#pumps.delete(pumping);
      });
      this.#pumps.add(pumping);
    }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, fromClient: boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        if (fromClient) await this.#held?.promise;
        for (let done = 0; done < count;) done += await to.write(buffer.subarray(done, count));
      }
    } catch {
      // Cut.
    }
    for (const end of [from, to]) {
      try {
        end.close();
      } catch {
        // Closed already.
      }
    }
  }
}
