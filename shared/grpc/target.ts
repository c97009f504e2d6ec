/**
 * Has gRPC connect to a host by its name. Its own resolver would look the name up and connect to what it finds, so that a
 * process which may connect to `rates.example:50051` would need to be allowed each of its addresses, too; and it asks name
 * servers for service configurations that nobody here has.
 */
import "../runtime/deno_workarounds/without_env.ts";
import { experimental } from "@grpc/grpc-js";

const scheme = "by-name";

/** @param address host:port @returns what a client is given as its target */
export function grpcTarget(address: string): string {
  return `${scheme}:${address}`;
}

class ByName implements experimental.Resolver {
  readonly #address: experimental.HostPort | null;
  #told = false;

  constructor({ path }: experimental.GrpcUri, private readonly listener: experimental.ResolverListener) {
    this.#address = experimental.splitHostPort(path);
  }

  updateResolution(): void {
    // A client that cannot connect asks again at once, and would be told the same for ever.
    if (this.#told) return;
    this.#told = true;
    const { host = "", port = 0 } = this.#address ?? {};
    const endpoints = experimental.statusOrFromValue([{ addresses: [{ host, port }] }]);
    // Not before whoever asks has returned, as its contract says.
    queueMicrotask(() => this.listener(endpoints, {}, null, ""));
  }

  destroy(): void {
    this.#told = false;
  }

  static getDefaultAuthority({ path }: experimental.GrpcUri): string {
    return path;
  }
}

experimental.registerResolver(scheme, ByName);
