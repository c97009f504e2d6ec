/** The project's migrations, and one more that comes after them. */
import { join } from "node:path";
import { readHistory } from "../../../tools/migrate/migrator.ts";
import { lastRelease } from "../../releases/releases.ts";
import { project, type World } from "../../harness/world.ts";

export interface OneMore {
  /** Of the file. */
  readonly name: string;
  /** Statements, as the file's `up` and `down` send them. */
  readonly up: string;
  readonly down: string;
}

export class MoreMigrations implements AsyncDisposable {
  private constructor(private readonly folder: string) {}

  static async make({ name, up, down }: OneMore): Promise<MoreMigrations> {
    // Inside the project, where the bare specifier `nessie` means something.
    const folder = await Deno.makeTempDir({ dir: join(project, "tests"), prefix: "migrations-" });
    const own = join(project, "migrations");
    for await (const file of Deno.readDir(own)) await Deno.copyFile(join(own, file.name), join(folder, file.name));
    await Deno.writeTextFile(
      join(folder, name),
      `import { AbstractMigration } from "nessie";
export default class extends AbstractMigration {
  async up(): Promise<void> { await this.client.queryArray(${JSON.stringify(up)}); }
  async down(): Promise<void> { await this.client.queryArray(${JSON.stringify(down)}); }
}`,
    );
    return new MoreMigrations(folder);
  }

  /** Applies what is pending, or takes back all that the last release does not have. */
  async run(world: World, direction: "up" | "down"): Promise<{ code: number; stderr: string }> {
    const newer = (await readHistory(world.sql)).filter(({ name }) => name > lastRelease.newestMigration);
    const steps = direction === "down" ? ["--steps", String(newer.length)] : [];
    const args = [direction, "--folder", this.folder, ...steps];
    return await world.tryRunning("migrate", args, { program: "tools/migrate/main.ts" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
