/** What deno.lock pins. */

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity: `sha512-` and the hash in base64. */
  readonly integrity: string;
  /** Names of packages that it needs; with the version where the lock has several. */
  readonly dependencies: readonly string[];
  /** It comes with a script that a package manager would run when it installs it. */
  readonly hasScripts: boolean;
}

interface LockEntry {
  readonly integrity: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly scripts?: boolean;
}

/** All packages, in the lock's order; one that is there for several peers is named once. @param text of deno.lock */
export function lockedPackages(text: string): LockedPackage[] {
  const entries: Record<string, LockEntry> = JSON.parse(text).npm;
  const packages = new Map<string, LockedPackage>();
  for (const [key, entry] of Object.entries(entries)) {
    const { name, version } = split(key);
    packages.set(`${name}@${version}`, {
      ...{ name, version, integrity: entry.integrity },
      dependencies: [...(entry.dependencies ?? []), ...(entry.optionalDependencies ?? [])],
      hasScripts: entry.scripts === true,
    });
  }
  return [...packages.values()];
}

/** `@scope/name@1.2.3_peer@4.5.6`: what follows the underscore tells which peers were chosen. */
export function split(key: string): { name: string; version: string } {
  const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
  return { name, version };
}
