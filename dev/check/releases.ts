/** The releases: the last one runs beside the next while that is rolled out. */
import { programArgs } from "../programs/programs.ts";

export interface Release {
  readonly version: string;
  /** All 40 digits. */
  readonly commit: string;
  /** The newest file in migrations/ that it has. */
  readonly newestMigration: string;
}

const releases: readonly [Release, ...Release[]] = [
  {
    version: "0.1.0",
    commit: "797363a723fd99c5ed1b8348fb36b36c654b7a5a",
    newestMigration: "20261124000000_create_player_leaders.ts",
  },
];

export const lastRelease: Release = releases.at(-1)!;

/**
 * The arguments with which Deno runs buf, from the project's root, to find whether the schemas of a folder break those of the
 * last release. buf.yaml asks for FILE, the strictest set of rules: code is generated from these files, names are written as
 * JSON, and numbers are on the wire.
 */
export function schemaCheck(folder: string): string[] {
  const against = `tests/releases/${lastRelease.version}/proto`;
  return programArgs("@bufbuild/buf/buf", "breaking", folder, "--against", against);
}
