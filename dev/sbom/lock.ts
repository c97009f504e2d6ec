/** The packages that a lock pins. */
import { Buffer } from "node:buffer";

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-512, in hex. */
  readonly hash: string;
  /** Its dependencies, by `name@version`. */
  readonly dependencies: readonly string[];
  /** The package has a script that a package manager would run on installation. */
  readonly hasScripts: boolean;
}

interface LockEntry {
  readonly integrity: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly scripts?: boolean;
}

/** All packages, by `name@version`. One that is there for several peers is one. @param text of deno.lock */
export function lockedPackages(text: string): Map<string, LockedPackage> {
  const entries: [string, LockEntry][] = Object.entries(JSON.parse(text).npm);
  const ids = new Map<string, string>();
  for (const [key] of entries) {
    const { name, version } = split(key);
    ids.set(key, `${name}@${version}`);
    // The lock names a version only where it has several.
    ids.set(name, `${name}@${version}`);
    ids.set(`${name}@${version}`, `${name}@${version}`);
  }
  const idOf = (key: string) => {
    const id = ids.get(key);
    if (id === undefined) throw new Error(`The lock needs ${key}, and does not have it.`);
    return id;
  };
  return new Map(entries.map(([key, entry]) => [idOf(key), {
    ...split(key),
    // Subresource integrity: `sha512-` and the hash in base64.
    hash: Buffer.from(entry.integrity.replace("sha512-", ""), "base64").toString("hex"),
    dependencies: [...entry.dependencies ?? [], ...entry.optionalDependencies ?? []].map(idOf),
    hasScripts: entry.scripts === true,
  }]));
}

/** These packages, and all that they need. @param ids by `name@version` */
export function closure(ids: Iterable<string>, packages: ReadonlyMap<string, LockedPackage>): Set<string> {
  const found = new Set(ids);
  for (const id of found) for (const needed of packages.get(id)!.dependencies) found.add(needed);
  return found;
}

/** `@scope/name@1.2.3_peer@4.5.6`: what follows the underscore tells which peers were chosen. */
export function split(key: string): { name: string; version: string } {
  const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
  return { name, version };
}
