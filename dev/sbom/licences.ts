/** Under which licence each package is: what its own package.json says. */
import { join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";
import type { LockedPackage } from "./lock.ts";

/** SPDX ids that a product under the MIT licence may ship or be built with. Another one is a decision for a person. */
export const allowed: readonly string[] = [
  ...["MIT", "MIT-0", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "BlueOak-1.0.0", "Python-2.0"],
  // axe-core, in the tests alone: weak copyleft of its own files.
  "MPL-2.0",
  // caniuse and the like: data.
  ...["CC0-1.0", "CC-BY-4.0", "Unlicense"],
];

interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type: string }[];
}

/** The licences of an earlier bill of materials, by the package's hash in hex. */
export type KnownLicences = ReadonlyMap<string, string>;

/**
 * From Deno's cache. What is not there, such as another system's binaries, is as an earlier bill says of the same
 * bytes; or npm asks the registry.
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
  if (!text) throw new Error(`${name}@${version} does not say under which licence it is.`);
  return text.replace(/^\((.*)\)$/, "$1");
}

/** Whether every part of an `AND`, and one of an `OR`, is allowed. */
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
