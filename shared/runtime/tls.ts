/** Decides which URLs use TLS, and with which files. */
import "./deno_workarounds/tls_sockets.ts";
import { readFileSync } from "node:fs";

/** Paths of PEM files. */
export interface TlsFiles {
  /** The trusted CAs, instead of the system's. */
  readonly ca?: string | undefined;
  /** The client certificate and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The contents of the files, for `tls.connect()`. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Role = keyof TlsFiles;

/** URL parameters that name files: first those of RabbitMQ's URI specification, then libpq's. */
const amqpNames: Record<Role, string> = { ca: "cacertfile", cert: "certfile", key: "keyfile" };
const libpqNames: Record<Role, string> = { ca: "sslrootcert", cert: "sslcert", key: "sslkey" };
const roles: readonly Role[] = ["ca", "cert", "key"];

function namesFor({ protocol }: URL): Record<Role, string> {
  return protocol.startsWith("postgres") ? libpqNames : amqpNames;
}

/** Whether the URL uses TLS, which always verifies the server's certificate and name. */
export function usesTls(url: URL): boolean {
  return /^(amqps|rediss):$/.test(url.protocol) || url.searchParams.get("sslmode") === "verify-full";
}

/** Adds the files that the URL does not name. Returns a URL without TLS unchanged. */
export function withTlsFiles(text: string, files: TlsFiles): string {
  const url = new URL(text);
  if (!usesTls(url)) return text;
  const names = namesFor(url);
  const missing = roles.filter((role) => files[role] !== undefined && !url.searchParams.has(names[role]));
  for (const role of missing) url.searchParams.set(names[role], files[role]!);
  return missing.length > 0 ? url.href : text;
}

/**
 * Returns the URL without its TLS parameters, and the contents of its files (`undefined`: no TLS).
 *
 * Clients copy the contents for each new connection. Each access reads the files again, so new certificates need no
 * restart. If a file can no longer be read, its last contents are used.
 * @throws {Error} naming a file that cannot be read
 */
export function splitTls(text: string): { url: URL; tls: TlsMaterial | undefined } {
  const url = new URL(text);
  const names = namesFor(url);
  const files = Object.fromEntries(roles.map((role) => [role, url.searchParams.get(names[role]) ?? undefined]));
  const tls = usesTls(url) ? keptUpToDate(files) : undefined;
  for (const role of roles) url.searchParams.delete(names[role]);
  url.searchParams.delete("sslmode");
  return { url, tls };
}

function keptUpToDate(files: TlsFiles): TlsMaterial {
  let last = readTlsFiles(files);
  const materials: TlsMaterial = {};
  for (const role of Object.keys(last) as Role[]) {
    const get = () => {
      // Clients read this while they connect, where nothing would catch an error.
      try {
        last = readTlsFiles(files);
      } catch { /* the last contents stay */ }
      return last[role];
    };
    // Configurable, because pg redefines the key as not enumerable.
    Object.defineProperty(materials, role, { configurable: true, enumerable: true, get });
  }
  return materials;
}

/** @throws {Error} naming a file that cannot be read */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const given = roles.filter((role) => files[role] !== undefined);
  return Object.fromEntries(given.map((role) => [role, readPem(files[role]!)]));
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path}, which TLS needs, cannot be read: ${(error as Error).message}`);
  }
}
