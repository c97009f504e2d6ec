/** The last release, from the repository's history, and a future version. */
import { dirname, join } from "node:path";
import { type Member, Members } from "../../../tools/demo/members.ts";
import { readHistory } from "../../../tools/migrate/migrator.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { project, type World } from "../../harness/world.ts";
import { lastRelease } from "../../../dev/check/releases.ts";
import { copyProject, TemporaryFolder } from "../../harness/temporary.ts";

/** The last release logs its messages without codes. */
const messages: Readonly<Record<string, string>> = {
  "consumer.ready": "Consuming",
  "rates_api.ready": "Serving rates",
};

class ReleasedMembers extends Members {
  override untilLogged(member: Member, event: string): Promise<void> {
    return super.untilLogged(member, messages[event] ?? event);
  }
}

/** All files of the last release, in a separate folder. */
export class ReleasedTree implements AsyncDisposable {
  /** Starts members by the tasks of the release's own deno.json, with their flags and permissions. */
  readonly members: Members;

  private constructor(readonly path: string) {
    this.members = new ReleasedMembers(path, "task");
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

/** Returns a file as it was in the last release. */
export async function readReleased(path: string): Promise<string> {
  return await git("show", `${lastRelease.commit}:${path}`);
}

/** Returns the names of the last release's migrations. */
export async function releasedMigrations(): Promise<string[]> {
  const listed = await git("ls-tree", "--name-only", lastRelease.commit, "migrations/");
  return listed.trim().split("\n").map((path) => path.slice("migrations/".length));
}

/** The checkout may belong to another user, as in a container. */
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
  // The stack trace would not help.
  error.stack = "";
  throw error;
}

/** This tree with a new kind of event and a new field, from two examples of docs/extending.md. */
export class NextVersion implements AsyncDisposable {
  readonly members: Members;

  private constructor(readonly path: string) {
    this.members = new Members(path, "task");
  }

  static async make(): Promise<NextVersion> {
    const path = await Deno.makeTempDir({ prefix: "casino-next-" });
    await copyProject(path);
    // In a subfolder of another repository git applies nothing and reports nothing, wherever the temporary folder is.
    const inCopy = { cwd: path, env: { GIT_CEILING_DIRECTORIES: dirname(path) } };
    for (const name of ["withdrawal", "field"]) {
      await runProgram("git", ["apply", join("docs/extending", `${name}.patch`)], inCopy);
    }
    return new NextVersion(path);
  }

  /** Returns the source of the events' schema. */
  schema(): Promise<string> {
    return Deno.readTextFile(join(this.path, "proto/casino/events/v1/event.proto"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.members.stopAll();
    await Deno.remove(this.path, { recursive: true });
  }
}

export interface OneMore {
  /** File name. */
  readonly name: string;
  /** Statements, as the file's `up` and `down` send them. */
  readonly up: string;
  readonly down: string;
}

export class MoreMigrations implements AsyncDisposable {
  private constructor(private readonly folder: TemporaryFolder) {}

  static async make({ name, up, down }: OneMore): Promise<MoreMigrations> {
    // Inside the project, where the bare specifier `nessie` resolves.
    const folder = await TemporaryFolder.make("migrations-", join(project, "tests"));
    await runProgram("cp", ["-a", `${join(project, "migrations")}/.`, folder.path]);
    await folder.write(
      name,
      `import { AbstractMigration } from "nessie";
export default class extends AbstractMigration {
  async up(): Promise<void> { await this.client.queryArray(${JSON.stringify(up)}); }
  async down(): Promise<void> { await this.client.queryArray(${JSON.stringify(down)}); }
}`,
    );
    return new MoreMigrations(folder);
  }

  /** Applies the pending migrations, or rolls back to the last release's. */
  async run(world: World, direction: "up" | "down"): Promise<{ code: number; stderr: string }> {
    const newer = (await readHistory(world.sql)).filter(({ name }) => name > lastRelease.newestMigration);
    const steps = direction === "down" ? ["--steps", String(newer.length)] : [];
    const args = [direction, "--folder", this.folder.path, ...steps];
    return await world.tryRunning("migrate", args, { program: "tools/migrate/main.ts" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}
