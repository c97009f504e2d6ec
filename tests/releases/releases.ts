/** The releases of releases.json: the last one runs beside the next while that is rolled out. */
import { programArgs } from "../../dev/programs/programs.ts";
import releases from "./releases.json" with { type: "json" };

export interface Release {
  readonly version: string;
  /** All 40 digits. */
  readonly commit: string;
  /** The newest file in migrations/ that it has. */
  readonly newestMigration: string;
}

export const lastRelease: Release = newestOf(releases);

/**
 * The arguments with which Deno runs buf, from the project's root, to find whether the schemas of a folder break those of the
 * last release. buf.yaml asks for FILE, the strictest set of rules: code is generated from these files, names are written as
 * JSON, and numbers are on the wire.
 */
export function schemaCheck(folder: string): string[] {
  const against = `tests/releases/${lastRelease.version}/proto`;
  return programArgs("@bufbuild/buf/buf", "breaking", folder, "--against", against);
}

function newestOf(releases: readonly Release[]): Release {
  const newest = releases.at(-1);
  if (!newest) throw new Error("tests/releases/releases.json names no release");
  return newest;
}
