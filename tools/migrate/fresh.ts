import type { Catalogue } from "./migrator.ts";
import { type Begin, createHistory, runMigration } from "./transaction.ts";

/**
 * Applies all migrations to a database that has none and that nobody else uses, such as a test's or the demo's.
 * @throws {MigrationError}
 */
export async function migrateFresh(begin: Begin, catalogue: Catalogue): Promise<void> {
  await begin(async (ask) => void await ask(createHistory));
  for (const [name, load] of catalogue) await runMigration(begin, "up", name, load);
}
