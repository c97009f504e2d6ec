/** The packages that a lock pins, with the licence in each package's package.json. */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-512, in hex. */
  readonly hash: string;
  /** Its dependencies, by `name@version`. */
  readonly dependencies: readonly string[];
  /** Whether the package has a script that a package manager would run on installation. */
  readonly hasScripts: boolean;
}

interface LockEntry {
  readonly integrity: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly scripts?: boolean;
}

/**
 * Returns all packages, by `name@version`. Merges the entries of a package with several sets of peers.
 * @param text the text of deno.lock
 */
export function lockedPackages(text: string): Map<string, LockedPackage> {
  const entries: [string, LockEntry][] = Object.entries(JSON.parse(text).npm);
  const ids = new Map<string, string>();
  for (const [key] of entries) {
    const { name, version } = split(key);
    ids.set(key, `${name}@${version}`);
    // The lock includes the version only if there are several.
    ids.set(name, `${name}@${version}`);
    ids.set(`${name}@${version}`, `${name}@${version}`);
  }
  const idOf = (key: string) => {
    const id = ids.get(key);
    if (id === undefined) throw new Error(`The lock file lacks ${key}, which another package needs.`);
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

/** Returns these packages and all their dependencies. @param ids by `name@version` */
export function closure(ids: Iterable<string>, packages: ReadonlyMap<string, LockedPackage>): Set<string> {
  const found = new Set(ids);
  for (const id of found) for (const needed of packages.get(id)!.dependencies) found.add(needed);
  return found;
}

/** Splits `@scope/name@1.2.3_peer@4.5.6`; the part after the underscore lists the chosen peers. */
export function split(key: string): { name: string; version: string } {
  const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
  return { name, version };
}

/** SPDX ids that a product under the MIT licence may ship or be built with. A person decides about others. */
const allowed: readonly string[] = [
  ...["MIT", "MIT-0", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "BlueOak-1.0.0", "Python-2.0"],
  // axe-core, used in tests only: weak copyleft of its own files.
  "MPL-2.0",
  // caniuse and similar packages: data.
  ...["CC0-1.0", "CC-BY-4.0", "Unlicense"],
];

interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type: string }[];
}

/** The licences of an earlier bill of materials, by the package's hash in hex. */
type KnownLicences = ReadonlyMap<string, string>;

/**
 * Reads the licence from Deno's cache. A package outside the cache, such as another system's binary, gets the licence
 * of the same bytes in an earlier bill; otherwise npm asks the registry.
 */
export async function licenceOf(
  { name, version, hash }: LockedPackage,
  npmCache: string,
  known: KnownLicences,
): Promise<string> {
  const cached = await manifestIn(npmCache, name, version);
  const earlier = known.get(hash);
  if (!cached && earlier) return earlier;
  const { license, licenses } = cached ?? await manifestByNpm(name, version);
  const text = typeof license === "string" ? license : license?.type ?? licenses?.map(({ type }) => type).join(" OR ");
  if (!text) throw new Error(`${name}@${version} declares no licence.`);
  return text.replace(/^\((.*)\)$/, "$1");
}

/** Returns whether every part of an `AND`, and at least one part of an `OR`, is allowed. */
export function isAllowed(licence: string): boolean {
  return licence.split(" AND ").every((part) =>
    part.replace(/[()]/g, "").split(" OR ").some((id) => allowed.includes(id.trim()))
  );
}

/** The cache has a folder for each registry. */
async function manifestIn(npmCache: string, name: string, version: string): Promise<Manifest | undefined> {
  for await (const { name: registry } of Deno.readDir(npmCache)) {
    const text = await Deno.readTextFile(join(npmCache, registry, name, version, "package.json")).catch(() =>
      undefined
    );
    if (text !== undefined) return JSON.parse(text);
  }
  return undefined;
}

async function manifestByNpm(name: string, version: string): Promise<Manifest> {
  const answer = await runProgram("npm", ["view", `${name}@${version}`, "license", "licenses", "--json"]);
  const parsed = JSON.parse(answer || "{}");
  return typeof parsed === "string" ? { license: parsed } : parsed;
}
