/** Folders that a test removes at its end, and copies of the project. */
import { dirname, join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";

const project = join(import.meta.dirname!, "../..");

export class TemporaryFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** @param dir its parent; the system's by default */
  static async make(prefix = "casino-", dir?: string): Promise<TemporaryFolder> {
    return new TemporaryFolder(await Deno.makeTempDir({ prefix, ...dir && { dir } }));
  }

  /** @returns the file's path */
  async write(name: string, text: string, mode = 0o644): Promise<string> {
    const path = join(this.path, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text, { mode });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Copies the project's current files, including those not yet in git, without those that git ignores. */
export async function copyProject(to: string): Promise<void> {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const files = (await runProgram("git", list, { cwd: project })).split("\0").filter(Boolean);
  await Deno.mkdir(to, { recursive: true });
  await runProgram("cp", ["--parents", ...files, to], { cwd: project });
}
