/** The releases. During a rolling upgrade, members of the last release run beside those of the next. */
import { programArgs } from "../programs/programs.ts";

export interface Release {
  readonly version: string;
  /** The full hash of 40 digits. */
  readonly commit: string;
  /** The release's newest file in migrations/. */
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
 * Returns the arguments for Deno, run from the project's root, to check with buf whether a folder's schemas break those
 * of the last release. buf.yaml selects FILE, the strictest category: code is generated from these files, names are
 * written as JSON, and numbers are on the wire.
 */
export function schemaCheck(folder: string): string[] {
  const against = `tests/releases/${lastRelease.version}/proto`;
  return programArgs("@bufbuild/buf/buf", "breaking", folder, "--against", against);
}
