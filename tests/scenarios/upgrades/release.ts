/** The last release, out of the repository's history: its files, and its members as processes of their own. */
import { lastRelease } from "../../../tools/release/releases.ts";
import { Members } from "../../../tools/demo/members.ts";
import { project } from "../../harness/world.ts";

/** All files of the last release, in a folder of their own. */
export class ReleasedTree implements AsyncDisposable {
  /** Started by the tasks of the release's own deno.json, with the flags and permissions that stand there. */
  readonly members: Members;

  private constructor(readonly path: string) {
    this.members = new Members(path, "task");
  }

  static async checkOut(): Promise<ReleasedTree> {
    const tar = await git("archive", lastRelease.commit);
    const path = await Deno.makeTempDir({ prefix: `casino-${lastRelease.version}-` });
    const child = new Deno.Command("tar", { args: ["-x", "-C", path], stdin: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(tar);
    await writer.close();
    const { success } = await child.status;
    if (!success) throw new Error(`tar could not unpack release ${lastRelease.version}`);
    return new ReleasedTree(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.members.stopAll();
    await Deno.remove(this.path, { recursive: true });
  }
}

/** One file as it was in the last release. */
export async function readReleased(path: string): Promise<string> {
  return new TextDecoder().decode(await git("show", `${lastRelease.commit}:${path}`));
}

/** The names of the last release's migrations. */
export async function releasedMigrations(): Promise<string[]> {
  const listed = await git("ls-tree", "--name-only", lastRelease.commit, "migrations/");
  return new TextDecoder().decode(listed).trim().split("\n").map((path) => path.slice("migrations/".length));
}

/** A checkout that belongs to somebody else, as in a container, is no reason not to read it. */
const options = ["-c", "safe.directory=*"];

async function git(...args: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const { version, commit } = lastRelease;
  let said: string;
  try {
    const command = new Deno.Command("git", { args: [...options, ...args], cwd: project });
    const { success, stdout, stderr } = await command.output();
    if (success) return stdout;
    said = new TextDecoder().decode(stderr).trim().split("\n")[0]!;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    said = "there is no git on this machine";
  }
  const error = new Error(
    `The tests of upgrades need release ${version} (commit ${commit.slice(0, 7)}) from the repository's history, and ` +
      `cannot have it (${said}). In a shallow clone, run \`git fetch --unshallow\`.`,
  );
  // Where the sentence was thrown helps nobody.
  error.stack = "";
  throw error;
}
