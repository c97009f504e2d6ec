/** The last release, out of the repository's history: its files, and its members as processes of their own. */
import { join } from "node:path";
import { lastRelease } from "../../releases/releases.ts";
import { Members } from "../../../tools/demo/members.ts";
import { project } from "../../harness/world.ts";
import { runProgram } from "../../../tools/run_program.ts";

/** All files of the last release, in a folder of their own. */
export class ReleasedTree implements AsyncDisposable {
  /** Started by the tasks of the release's own deno.json, with the flags and permissions that stand there. */
  readonly members: Members;

  private constructor(readonly path: string) {
    this.members = new Members(path, "task");
  }

  static async checkOut(): Promise<ReleasedTree> {
    const path = await Deno.makeTempDir({ prefix: `casino-${lastRelease.version}-` });
    const tar = join(path, "release.tar");
    await git("archive", "--output", tar, lastRelease.commit);
    await runProgram("tar", ["-x", "-C", path, "-f", tar]);
    await Deno.remove(tar);
    return new ReleasedTree(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.members.stopAll();
    await Deno.remove(this.path, { recursive: true });
  }
}

/** One file as it was in the last release. */
export async function readReleased(path: string): Promise<string> {
  return await git("show", `${lastRelease.commit}:${path}`);
}

/** The names of the last release's migrations. */
export async function releasedMigrations(): Promise<string[]> {
  const listed = await git("ls-tree", "--name-only", lastRelease.commit, "migrations/");
  return listed.trim().split("\n").map((path) => path.slice("migrations/".length));
}

/** A checkout that belongs to somebody else, as in a container, is no reason not to read it. */
const options = ["-c", "safe.directory=*"];

async function git(...args: string[]): Promise<string> {
  const { version, commit } = lastRelease;
  let said: string;
  try {
    return await runProgram("git", [...options, ...args], { cwd: project });
  } catch (error) {
    said = (error as Error).message;
  }
  const error = new Error(
    `The tests of upgrades need release ${version} (commit ${commit.slice(0, 7)}) from the repository's history. ` +
      `In a shallow clone, run \`git fetch --unshallow\`. ${said}`,
  );
  // Where the sentence was thrown helps nobody.
  error.stack = "";
  throw error;
}
