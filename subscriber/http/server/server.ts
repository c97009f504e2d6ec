/** The HTTP server and its address. */
import { createServer } from "node:http";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { UsageError } from "../../../shared/runtime/configuration/command.ts";
import { settledWithin } from "../../../shared/runtime/deadline.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { TlsFiles } from "../../../shared/runtime/tls.ts";
import { ConnSocket } from "./conn_socket.ts";
import { type Connection, Connections } from "./connections.ts";
import { exchange } from "./exchange.ts";
import type { Caller } from "../request_limit.ts";
import { beneathTls, serverTls } from "./server_tls.ts";
import { plainAddress, type TrustedProxies } from "./trusted_proxies.ts";

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

export const defaultAddress = "127.0.0.1:8080";

/**
 * @param flag the flag whose value `text` is, for errors
 * @param text `HOST:PORT`, `[IPv6]:PORT` or `off`; port 0 takes a free one
 * @returns `undefined` for `off`
 * @throws {UsageError} for any other text
 */
export function parseAddress(flag: string, text: string): Address | undefined {
  if (text === "off") return undefined;
  const [, ipv6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.\-]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = ipv6 ?? name;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) {
    throw new UsageError(`--${flag}=${text} must be HOST:PORT, such as ${defaultAddress}, or off`);
  }
  return { hostname, port };
}

export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

export interface HttpServer {
  /** The listening address, with the actual port. */
  readonly address: Address;
  /** Stops listening. Requests under way have 1 s to finish. */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly address: Address;
  /** The flag that sets the address, for errors. */
  readonly flag?: string;
  readonly answer: (request: Request, caller: Caller) => Promise<Response>;
  readonly proxies: TrustedProxies;
  /** The certificate and key. Without them the server speaks plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const closeTimeoutMs = 1_000;
const acceptAgainMs = 100;
const sayAgainMs = 60_000;

/**
 * Serves HTTP with bounds that protect the pipeline: a maximum number of connections, and a time limit for each
 * request. Deno.serve has neither bound, and ends the process when file descriptors run out. node:http's listener then
 * stops accepting for good (Deno 2.9.3). This function accepts the connections itself for that reason.
 * @throws an error that names the flag when the port is taken or not permitted
 */
export function listen({ address, flag = "http", answer, proxies, tls, clock, log }: ServerOptions): HttpServer {
  const encrypt = tls && serverTls(tls);
  const listener = listenAt(address, flag);
  const stop = new AbortController();
  const connections = new Connections(clock);
  const exchanges = new Set<Promise<void>>();
  const http = createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => {
    const socket = beneathTls(incoming.socket) as unknown as ServedSocket;
    connections.begin(socket.connection);
    const ask = (request: Request) => answer(request, proxies.callerOf(socket.peer, request.headers));
    const exchanged = exchange(incoming, outgoing, ask, clock).finally(() => {
      exchanges.delete(exchanged);
      if (stop.signal.aborted) outgoing.shouldKeepAlive = false;
      connections.end(socket.connection);
    });
    exchanges.add(exchanged);
  });
  // This function listens instead of node:http, which would otherwise end each connection after its first answer.
  Object.defineProperty(http, "listening", { value: true });
  const running = Promise.all([accept(), connections.sweep(stop.signal)]);
  const { hostname, port } = listener.addr as Deno.NetAddr;
  return {
    address: { hostname, port },
    async close() {
      stop.abort();
      listener.close();
      connections.closeWaiting();
      await settledWithin(closeTimeoutMs, clock, Promise.all(exchanges));
      connections.closeAll();
      await running;
    },
  };

  async function accept(): Promise<void> {
    let saidAt = -Infinity;
    while (!stop.signal.aborted) {
      try {
        serve(await listener.accept());
      } catch (error) {
        if (stop.signal.aborted) return;
        // File descriptors have probably run out: the pipeline needs them more than waiting connections.
        connections.closeWaiting();
        if (clock.monotonic() - saidAt >= sayAgainMs) {
          saidAt = clock.monotonic();
          log.warn("HTTP cannot accept connections", { event: "http.not_accepting", problem: messageOf(error) });
        }
        await clock.sleep(acceptAgainMs, stop.signal).catch(() => {});
      }
    }
  }

  function serve(conn: Deno.Conn): void {
    const peer = plainAddress((conn.remoteAddr as Deno.NetAddr).hostname);
    const local = plainAddress((conn.localAddr as Deno.NetAddr).hostname);
    const socket = new ServedSocket(conn, { address: peer, local, secure: tls !== undefined }, proxies.trust(peer));
    socket.on("error", () => {});
    socket.on("close", () => connections.remove(socket.connection));
    if (connections.add(socket.connection)) http.emit("connection", encrypt ? encrypt(socket) : socket);
  }
}

/** The socket of a connection, below TLS if there is any. */
class ServedSocket extends ConnSocket {
  readonly connection: Connection;

  constructor(conn: Deno.Conn, readonly peer: Caller, isProxy: boolean) {
    super(conn);
    this.connection = { address: isProxy ? undefined : peer.address, close: () => this.destroy() };
  }
}

function listenAt(address: Address, flag: string): Deno.Listener {
  try {
    return Deno.listen({ hostname: address.hostname, port: address.port });
  } catch (error) {
    throw explain(error, address, flag);
  }
}

function explain(error: unknown, address: Address, flag: string): unknown {
  const where = formatAddress(address);
  if (error instanceof Deno.errors.AddrInUse) {
    return new Error(`${where} is taken by another program: give another with --${flag} HOST:PORT, or --${flag} off`);
  }
  if ((error as { code?: unknown }).code === "EAFNOSUPPORT") {
    return new Error(
      `--${flag}=${where} cannot be listened on: there is no IPv6 here; 0.0.0.0 in place of [::] does without`,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.AddrNotAvailable) {
    return new Error(`--${flag}=${where} cannot be listened on: ${error.message}`);
  }
  return error;
}
