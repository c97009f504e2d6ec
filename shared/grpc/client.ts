/** The one place that opens channels to the rates API. */
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
 * A client with a channel of its own.
 * @param address host:port
 * @param tls the files for TLS, which are read now; `undefined`: no TLS
 * @param proxy host:port of an HTTP proxy to go through (CONNECT)
 * @throws {Error} that names a file that cannot be read
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
    // `http_proxy` is not read: it would lead calls to this machine's loopback elsewhere, wherever the variable may be read.
    "grpc.enable_http_proxy": 0,
    ...proxy !== undefined && { "grpc.http_connect_target": target, "grpc.default_authority": address },
    ...options,
  });
}

/**
 * What {@linkcode openGrpcClient} needs for the rates API.
 * @throws {ConfigError} for an IP address with TLS: grpc-js passes it as the server's name, and Deno refuses such a name
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

/** Removes what grpc-js puts at the end of each problem: a full stop, and a heading for notes on the name's resolution. */
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
 * Connects to a host by its name. gRPC's own resolver looks the name up and connects to the addresses: a process that may
 * connect to `rates.example:50051` would need a permission for each of them. It also asks name servers for service
 * configurations that nobody here has.
 */
class ByName implements experimental.Resolver {
  readonly #address: experimental.HostPort | null;
  #told = false;

  constructor({ path }: experimental.GrpcUri, private readonly listener: experimental.ResolverListener) {
    this.#address = experimental.splitHostPort(path);
  }

  updateResolution(): void {
    // A client that cannot connect asks again at once: the same answer would make it ask for ever.
    if (this.#told) return;
    this.#told = true;
    const { host = "", port = 0 } = this.#address ?? {};
    const endpoints = experimental.statusOrFromValue([{ addresses: [{ host, port }] }]);
    // The contract of a resolver: no answer before this call has returned.
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
