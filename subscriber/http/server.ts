/** The address that HTTP is served at, and the server itself. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { UsageError } from "../../shared/runtime/configuration/command.ts";
import type { Caller } from "./request_limit.ts";

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

export const defaultAddress = "127.0.0.1:8080";

/**
 * @param text `HOST:PORT`, `[IPv6]:PORT` or `off`; port 0 takes a free one
 * @returns `undefined` for `off`
 * @throws {UsageError}
 */
export function parseAddress(text: string): Address | undefined {
  if (text === "off") return undefined;
  const [, ipv6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.\-]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = ipv6 ?? name;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) {
    throw new UsageError(`--http=${text} must be HOST:PORT, such as ${defaultAddress}, or off`);
  }
  return { hostname, port };
}

export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

export interface HttpServer {
  /** Where it listens, with the port it got. */
  readonly address: Address;
  /** Lets requests under way finish, for a second at most. */
  close(): Promise<void>;
}

const closeTimeoutMs = 1_000;

/** @throws an error that names the flag when the port is taken, or may not be used */
export function listen(
  address: Address,
  answer: (request: Request, caller: Caller) => Promise<Response>,
  clock: Clock,
): HttpServer {
  const abort = new AbortController();
  const server = begin();
  const { hostname, port } = server.addr;
  return {
    address: { hostname, port },
    async close() {
      const closed = new AbortController();
      const late = clock.sleep(closeTimeoutMs, closed.signal).then(() => abort.abort(), () => {});
      await Promise.race([server.shutdown(), late]);
      closed.abort();
      await server.finished;
    },
  };

  function begin(): Deno.HttpServer<Deno.NetAddr> {
    try {
      return Deno.serve(
        { hostname: address.hostname, port: address.port, signal: abort.signal, onListen: () => {} },
        (request, { remoteAddr }) => answer(request, { address: remoteAddr.hostname }),
      );
    } catch (error) {
      throw explain(error, address);
    }
  }
}

function explain(error: unknown, address: Address): unknown {
  const where = formatAddress(address);
  if (error instanceof Deno.errors.AddrInUse) {
    return new Error(`${where} is taken by another program: give another with --http HOST:PORT, or --http off`);
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.AddrNotAvailable) {
    return new Error(`--http=${where} cannot be listened on: ${error.message}`);
  }
  return error;
}
