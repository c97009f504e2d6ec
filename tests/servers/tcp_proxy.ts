/** A TCP proxy in front of a server. A test can cut or stall its connections, send bytes into them, and add toxics. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { systemClock } from "../../shared/runtime/clock.ts";
import { type Random, systemRandom } from "../../shared/runtime/random.ts";

/** Changes that a proxy makes to passing bytes; named after Shopify's Toxiproxy. */
export type Toxic =
  /** Delays every chunk by `ms`, plus or minus `jitterMs`. */
  | { readonly kind: "latency"; readonly ms: number; readonly jitterMs: number }
  /** Limits the bytes per second in each direction. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** Splits chunks into slices of 1 to `bytes` bytes, `ms` apart. */
  | { readonly kind: "slicing"; readonly bytes: number; readonly ms: number }
  /** Stops all bytes until the toxic is removed; connections stay open and are still accepted. */
  | { readonly kind: "black-hole" }
  /** Delays an end of stream by `ms`. */
  | { readonly kind: "slow-close"; readonly ms: number }
  /** Resets a connection once this many bytes have passed, in either direction. */
  | { readonly kind: "cut-after"; readonly bytes: number }
  /** Resets connections as soon as they are opened. */
  | { readonly kind: "refuse" };

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  passed: number;
}

export class TcpProxy implements AsyncDisposable {
  readonly #pairs = new Set<Pair>();
  readonly #closed = new AbortController();
  #listening: Promise<unknown>;
  #server: Server;
  #toxics: readonly Toxic[] = [];
  #wakeOnChange: (() => void)[] = [];
  #heldUp = false;

  private constructor(private original: URL, private readonly random: Random) {
    this.#server = createServer((client) => this.#accept(client));
    this.#server.listen(0, "127.0.0.1");
    this.#listening = once(this.#server, "listening");
  }

  /** @param url the server's URL; {@linkcode url} is the same with the proxy's address */
  static async before(url: string, random: Random = systemRandom): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url), random);
    await proxy.#listening;
    return proxy;
  }

  get url(): string {
    const url = new URL(this.original);
    url.host = this.address;
    return url.href;
  }

  /** host:port */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Points the proxy to another server, and resets the open connections. */
  leadTo(url: string): void {
    this.original = new URL(url);
    this.cut();
  }

  /** Points new connections to another server; open connections stay where they are. */
  leadNewTo(url: string): void {
    this.original = new URL(url);
  }

  /** Sets the toxics of open and new connections; no argument removes them all. */
  poison(...toxics: readonly Toxic[]): void {
    this.#toxics = toxics;
    if (this.#has("refuse")) this.cut();
    this.#changed();
  }

  /** Resets every open connection. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  /** Stalls the bytes that clients send until {@linkcode letGo}. */
  holdUp(): void {
    this.#heldUp = true;
  }

  letGo(): void {
    this.#heldUp = false;
    this.#changed();
  }

  /** Sends bytes to every client, as if from the server. */
  say(bytes: Uint8Array): void {
    for (const { client } of this.#pairs) client.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error("the proxy is closed"));
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#toxics = [];
    this.letGo();
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    client.on("error", () => {});
    if (this.#has("refuse")) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(Number(this.original.port), this.original.hostname);
    const pair = { client, server, passed: 0 };
    this.#pairs.add(pair);
    server.on("error", () => client.resetAndDestroy());
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("close", () => client.destroyed && server.destroyed && this.#pairs.delete(pair));
    }
    this.#pump(client, server, pair).catch(() => {});
    this.#pump(server, client, pair).catch(() => {});
  }

  async #pump(from: Socket, to: Socket, pair: Pair): Promise<void> {
    const signal = this.#closed.signal;
    try {
      for await (const chunk of from) {
        while (this.#has("black-hole") || (this.#heldUp && from === pair.client)) await this.#change();
        const { delayMs, slices, pauseMs } = passageOf(chunk, this.#toxics, this.random);
        if (delayMs > 0) await systemClock.sleep(delayMs, signal);
        for (const [i, slice] of slices.entries()) {
          if (i > 0 && pauseMs > 0) await systemClock.sleep(pauseMs, signal);
          if (to.destroyed) return;
          if (!to.write(slice)) await Promise.race([once(to, "drain"), once(to, "close")]);
        }
        pair.passed += chunk.length;
        const limit = this.#has("cut-after");
        if (limit && pair.passed >= limit.bytes) {
          pair.client.resetAndDestroy();
          pair.server.resetAndDestroy();
        }
      }
    } finally {
      const slow = this.#has("slow-close");
      if (slow) await systemClock.sleep(slow.ms, signal).catch(() => {});
      if (from.errored) to.resetAndDestroy();
      else to.end();
    }
  }

  #has<K extends Toxic["kind"]>(kind: K): Extract<Toxic, { kind: K }> | undefined {
    return this.#toxics.find((toxic): toxic is Extract<Toxic, { kind: K }> => toxic.kind === kind);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakeOnChange.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#wakeOnChange.splice(0)) wake();
  }
}

/** Interval between the slices of a chunk, and delay of the whole chunk, in ms. */
export interface Passage {
  readonly delayMs: number;
  readonly slices: readonly Uint8Array[];
  readonly pauseMs: number;
}

/** Returns how a chunk passes under the toxics. */
export function passageOf(chunk: Uint8Array, toxics: readonly Toxic[], random: Random): Passage {
  let delayMs = 0;
  let pauseMs = 0;
  let slices: Uint8Array[] = [chunk];
  for (const toxic of toxics) {
    switch (toxic.kind) {
      case "latency":
        delayMs += Math.max(0, toxic.ms + random.int(-toxic.jitterMs, toxic.jitterMs));
        break;
      case "bandwidth":
        delayMs += chunk.length / toxic.bytesPerSecond * 1_000;
        break;
      case "slicing":
        slices = slice(chunk, toxic.bytes, random);
        pauseMs = toxic.ms;
    }
  }
  return { delayMs, slices, pauseMs };
}

function slice(chunk: Uint8Array, most: number, random: Random): Uint8Array[] {
  const slices: Uint8Array[] = [];
  for (let at = 0; at < chunk.length;) {
    const end = at + random.int(1, most);
    slices.push(chunk.subarray(at, end));
    at = end;
  }
  return slices;
}
