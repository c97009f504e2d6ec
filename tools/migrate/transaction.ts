/** Runs one migration and inserts its history row in one transaction. */
import type { AbstractMigration, MigrationClient } from "./nessie.ts";

export type Direction = "up" | "down";
export type LoadMigration = () => Promise<{ default: unknown }>;

/** All migrations by file name, oldest first. */
export type Catalogue = ReadonlyMap<string, LoadMigration>;

/** Runs several statements, or one with parameters, in a transaction. @returns the rows of the last statement */
type Ask = (statements: string, parameters?: readonly string[]) => Promise<unknown[][]>;

/**
 * Commits when `act` resolves, and rolls back when it throws. Both the server and the in-process database have this.
 */
export interface Transactions {
  transaction(act: (ask: Ask) => Promise<void>): Promise<void>;
}

/** A migration failed, and was rolled back. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** The history table as nessie 2.0.11 creates it. */
export const createHistory = `create table if not exists nessie_migrations
  (id bigserial primary key, file_name varchar(100) unique, created_at timestamp(0) default current_timestamp)`;

/**
 * Applies all migrations to an empty database without other users, such as a test's or the demo's.
 * @throws {MigrationError}
 */
export async function migrateFresh(database: Transactions, catalogue: Catalogue): Promise<void> {
  await database.transaction(async (ask) => void await ask(createHistory));
  for (const [name, load] of catalogue) await runMigration(database, "up", name, load);
}

/** @throws {MigrationError} */
export async function runMigration(
  database: Transactions,
  direction: Direction,
  name: string,
  load: LoadMigration,
): Promise<void> {
  const Migration = await loadClass(name, load);
  try {
    await database.transaction(async (ask) => {
      const client: MigrationClient = { queryArray: async (text) => ({ rows: await ask(text) }) };
      await new Migration({ client })[direction]({ dialect: "pg" });
      await ask(history[direction], [name]);
    });
  } catch (error) {
    throw new MigrationError(`${name} failed and was undone: ${explain(error)}`);
  }
}

const history = {
  // The column has no time zone. Its default uses the session's time zone, which may differ between sessions.
  up: "insert into nessie_migrations (file_name, created_at) values ($1, now() at time zone 'UTC')",
  down: "delete from nessie_migrations where file_name = $1",
};

type MigrationClass = new (props: { client: MigrationClient }) => AbstractMigration;

async function loadClass(name: string, load: LoadMigration): Promise<MigrationClass> {
  const loaded: unknown = (await load()).default;
  const methods: unknown = typeof loaded === "function" ? loaded.prototype : undefined;
  if (typeof methods === "object" && methods !== null && "up" in methods && "down" in methods) {
    return loaded as MigrationClass;
  }
  throw new MigrationError(`${name} must export by default a class that extends AbstractMigration, with up and down.`);
}

function explain(error: unknown): string {
  const { message, detail, hint, position } = error as Error & Partial<Record<"detail" | "hint" | "position", string>>;
  return [message, detail, hint, position && `at character ${position}`].filter(Boolean).join("; ");
}
