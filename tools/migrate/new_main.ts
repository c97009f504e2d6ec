/**
 * `deno task migrate:new`: separate from the other commands, because it needs no database, and they may not write
 * files.
 */
import { join } from "node:path";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { newFileName } from "./folder.ts";

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

await runCommand({
  name: "deno task migrate:new",
  summary: "Writes an empty migration with the current time in its name.",
  operands: "<NAME>",
  flags: { folder: { value: "PATH", help: "where the files are [migrations]" } },
  settings: [],
  examples: ["deno task migrate:new add_bonus_to_players"],
}, async ({ flags, operands: [name, surplus] }) => {
  if (name === undefined) throw new UsageError("migrate:new takes the migration's name, such as add_bonus_to_players");
  if (surplus !== undefined) throw new UsageError(`migrate:new takes one name, but was given "${surplus}" as well`);
  const folder = flags.folder ?? join(import.meta.dirname!, "../../migrations");
  const existing = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
  const path = join(folder, newFileName(name, existing, clock.now()));
  await Deno.writeTextFile(path, template, { createNew: true });
  console.log(`Wrote ${path}. Add it to tools/migrate/catalogue.ts.`);
  return 0;
});
