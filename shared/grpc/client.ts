/** The only module that opens channels to the rates API. */
import "../runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { type ChannelOptions, Client, credentials, experimental } from "@grpc/grpc-js";
import { type Config, ConfigError, tlsFilesOf } from "../runtime/configuration/config.ts";
import { readTlsFiles, type TlsFiles } from "../runtime/tls.ts";

type RatesApiConfig = Pick<
  Config,
  "RATES_API_ADDRESS" | "RATES_API_TLS" | "TLS_CA_FILE" | "TLS_CERT_FILE" | "TLS_KEY_FILE"
>;

const scheme = "by-name";

/**
 * Opens a client with its own channel.
 * @param address host:port
 * @param tls the files for TLS, read during the call; `undefined`: no TLS
 * @param proxy host:port of an HTTP proxy (CONNECT)
 * @throws {Error} naming a file that cannot be read
 */
export function openGrpcClient(
  address: string,
  tls: TlsFiles | undefined,
  options: ChannelOptions = {},
  proxy?: string,
): Client {
  const target = `${scheme}:${address}`;
  return new Client(proxy === undefined ? target : `${scheme}:${proxy}`, credentialsFor(tls), {
    "grpc.use_local_subchannel_pool": 1,
    // Ignores `http_proxy`: where the process may read that variable, it would divert even calls to loopback.
    "grpc.enable_http_proxy": 0,
    ...proxy !== undefined && { "grpc.http_connect_target": target, "grpc.default_authority": address },
    ...options,
  });
}

/**
 * Returns the TLS files for the rates API; `undefined`: no TLS.
 * @throws {ConfigError} for an IP address with TLS: grpc-js passes the address as the server name, and Deno rejects it
 * (https://github.com/grpc/grpc-node/issues/1919). Remove this check when such a client connects under Deno
 */
export function ratesApiTls(config: RatesApiConfig): TlsFiles | undefined {
  if (config.RATES_API_TLS === "off") return undefined;
  const address = config.RATES_API_ADDRESS;
  if (isIP(address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "")) !== 0) {
    throw new ConfigError([
      `RATES_API_ADDRESS=${address} must name a host, not an IP address, with RATES_API_TLS=${config.RATES_API_TLS}`,
    ]);
  }
  return config.RATES_API_TLS === "on" ? tlsFilesOf(config) : {};
}

/** Removes the end that grpc-js adds to each problem: a full stop and an empty `Resolution note:`. */
export function problemOf(details: string): string {
  return details.replace(/\.? *Resolution note: *$/, "");
}

function credentialsFor(tls: TlsFiles | undefined) {
  if (!tls) return credentials.createInsecure();
  const { ca, cert, key } = readTlsFiles(tls);
  return credentials.createSsl(bytesOf(ca), bytesOf(key), bytesOf(cert));
}

function bytesOf(pem: string | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

/**
 * Connects to a host by its name. gRPC's own resolver connects to the addresses that it looks up: a process that may
 * connect to `rates.example:50051` would also need a permission for each address. That resolver also queries name
 * servers for service configurations, which we do not use.
 */
class ByName implements experimental.Resolver {
  readonly #address: experimental.HostPort | null;
  #told = false;

  constructor({ path }: experimental.GrpcUri, private readonly listener: experimental.ResolverListener) {
    this.#address = experimental.splitHostPort(path);
  }

  updateResolution(): void {
    // A client that cannot connect resolves again at once. The same answer again would make an endless loop.
    if (this.#told) return;
    this.#told = true;
    const { host = "", port = 0 } = this.#address ?? {};
    const endpoints = experimental.statusOrFromValue([{ addresses: [{ host, port }] }]);
    // A resolver must not call its listener before this call returns.
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
