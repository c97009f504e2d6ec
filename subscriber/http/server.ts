/** Listens, and closes in time. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { type Address, formatAddress } from "./address.ts";
import type { Caller } from "./request_limit.ts";

export interface HttpServer {
  /** Where it listens, with the port it got. */
  readonly address: Address;
  /** Lets requests under way finish, for a second at most. */
  close(): Promise<void>;
}

const closeTimeoutMs = 1_000;

/** @throws a sentence that names the flag when the port is taken, or may not be used */
export function listen(
  address: Address,
  answer: (request: Request, caller: Caller) => Promise<Response>,
  { clock }: { clock: Clock },
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
