/** Which URLs ask for TLS, and with which files. */
import "./deno_workarounds/tls_sockets.ts";
import { readFileSync } from "node:fs";

/** Paths of PEM files. */
export interface TlsFiles {
  /** The trusted CAs, in place of the system's. */
  readonly ca?: string | undefined;
  /** The client certificate and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What the files hold, for `tls.connect()`. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Role = keyof TlsFiles;

/** Where a URL names files: RabbitMQ's URI specification has the first names, libpq the second ones. */
const amqpNames: Record<Role, string> = { ca: "cacertfile", cert: "certfile", key: "keyfile" };
const libpqNames: Record<Role, string> = { ca: "sslrootcert", cert: "sslcert", key: "sslkey" };
const roles: readonly Role[] = ["ca", "cert", "key"];

function namesFor({ protocol }: URL): Record<Role, string> {
  return protocol.startsWith("postgres") ? libpqNames : amqpNames;
}

/** `amqps:`, `rediss:`, or Postgres with `sslmode=verify-full`: the server's certificate and name are always verified. */
export function usesTls(url: URL): boolean {
  return /^(amqps|rediss):$/.test(url.protocol) || url.searchParams.get("sslmode") === "verify-full";
}

/** Returns the URL with the files that it does not name itself; unchanged if it asks for no TLS. */
export function withTlsFiles(text: string, files: TlsFiles): string {
  const url = new URL(text);
  if (!usesTls(url)) return text;
  const names = namesFor(url);
  const missing = roles.filter((role) => files[role] !== undefined && !url.searchParams.has(names[role]));
  for (const role of missing) url.searchParams.set(names[role], files[role]!);
  return missing.length > 0 ? url.href : text;
}

/**
 * Returns the URL without its parameters for TLS, and the contents of its files (`undefined`: no TLS). Clients copy the
 * contents for each connection that they open, and the files are read again then: new certificates need no restart. A file
 * that cannot be read any more keeps its last contents.
 * @throws {Error} that names a file that cannot be read
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
      // A client reads this while it connects, where nobody would catch an error.
      try {
        last = readTlsFiles(files);
      } catch { /* the last contents stay */ }
      return last[role];
    };
    // pg redefines the key as not enumerable, which needs a configurable property.
    Object.defineProperty(materials, role, { configurable: true, enumerable: true, get });
  }
  return materials;
}

/** @throws {Error} that names a file that cannot be read */
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
