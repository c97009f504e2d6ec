import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { newFileName } from "./folder.ts";

/** Writes an empty migration with the current time. @returns its path @throws {FolderError} for a bad name */
export async function writeNew(folder: string, name: string, clock: Clock): Promise<string> {
  const existing = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
  const path = join(folder, newFileName(name, existing, clock.now()));
  await Deno.writeTextFile(path, template, { createNew: true });
  return path;
}

const template = `import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(\`
    \`);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(\`
    \`);
  }
}
`;
