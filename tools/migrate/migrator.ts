/**
 * Applies migrations with umzug under nessie's contract, but safely: each file in a transaction together with its row of
 * history, and only one run at a time.
 */
import { type Sql } from "../../shared/postgres.ts";
import type { Clock } from "../../shared/clock.ts";
import { Umzug } from "umzug";
import { pendingMigrations } from "./folder.ts";
import { grantRoles } from "./grants.ts";
import {
  createHistory,
  type Direction,
  type LoadMigration,
  MigrationError,
  runMigration,
  transactionsOf,
} from "./transaction.ts";

/** The migrations that exist, oldest first, by file name. */
export type Catalogue = ReadonlyMap<string, LoadMigration>;

export interface MigratorOptions {
  readonly sql: Sql;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  /** Called with a sentence for each step. */
  readonly say: (sentence: string) => void;
}

export interface AppliedMigration {
  readonly name: string;
  readonly appliedAt: Date;
}

const lockDeadlineMs = 60_000;
const lockPollMs = 200;

/** Applies all that is pending, oldest first. @returns the files' names */
export function migrateUp(options: MigratorOptions): Promise<string[]> {
  return underLock(options, async (applied) => {
    const pending = pendingMigrations([...options.catalogue.keys()], applied.map(({ name }) => name));
    if (pending.length > 0) await umzugOf(options, applied).up({ migrations: pending });
    const roles = await grantRoles(options.sql);
    if (roles.length > 0) options.say(`Granted what they need to ${roles.join(" and ")}.`);
    return pending;
  });
}

/** Rolls back the newest `steps`, newest first. @returns the files' names */
export function migrateDown(options: MigratorOptions, steps: number): Promise<string[]> {
  return underLock(options, async (applied) => {
    pendingMigrations([...options.catalogue.keys()], applied.map(({ name }) => name));
    const last = applied.map(({ name }) => name).reverse().slice(0, steps);
    if (last.length > 0) await umzugOf(options, applied).down({ migrations: last });
    return last;
  });
}

/** What is applied, oldest first; changes nothing. */
export async function readHistory(sql: Sql): Promise<AppliedMigration[]> {
  const [table] = await sql`select to_regclass('nessie_migrations') as name`;
  if (table?.["name"] === null) return [];
  const rows = await sql<{ file_name: string; created_at: Date }[]>`
    select file_name, created_at from nessie_migrations order by file_name`;
  return rows.map(({ file_name, created_at }) => ({ name: file_name, appliedAt: created_at }));
}

function umzugOf({ sql, catalogue, say }: MigratorOptions, applied: readonly AppliedMigration[]): Umzug {
  return new Umzug({
    migrations: Array.from(catalogue, ([name, load]) => ({
      name,
      up: () => run("up", name, load),
      down: () => run("down", name, load),
    })),
    // The row of history is written in the migration's own transaction, so there is nothing left for umzug to log.
    storage: {
      executed: () => Promise.resolve(applied.map(({ name }) => name)),
      logMigration: () => Promise.resolve(),
      unlogMigration: () => Promise.resolve(),
    },
    logger: undefined,
  });

  async function run(direction: Direction, name: string, load: LoadMigration): Promise<void> {
    await runMigration(transactionsOf(sql), direction, name, load);
    say(direction === "up" ? `Applied ${name}.` : `Rolled back ${name}.`);
  }
}

/** Two runs at once would both find the same files pending. */
async function underLock<T>(
  { sql, clock, say }: MigratorOptions,
  act: (applied: AppliedMigration[]) => Promise<T>,
): Promise<T> {
  const [where] = await sql`select current_schema() as schema`;
  if (where?.["schema"] === null) throw new MigrationError("The schema in DATABASE_URL's search_path does not exist.");
  const key = `${where?.["schema"]}.nessie_migrations`;
  const giveUpAt = clock.monotonic() + lockDeadlineMs;
  for (let said = false;; said = true) {
    const [lock] = await sql`select pg_try_advisory_lock(hashtextextended(${key}, 0)) as mine`;
    if (lock?.["mine"]) break;
    if (clock.monotonic() > giveUpAt) {
      throw new MigrationError(`Another run has been migrating for ${lockDeadlineMs} ms; try again later.`);
    }
    if (!said) say("Waiting for another run to finish.");
    await clock.sleep(lockPollMs);
  }
  try {
    await sql.unsafe(createHistory);
    return await act(await readHistory(sql));
  } catch (error) {
    // umzug wraps what a migration throws in words of its own.
    if (error instanceof Error && error.cause instanceof MigrationError) throw error.cause;
    throw error;
  } finally {
    await sql`select pg_advisory_unlock(hashtextextended(${key}, 0))`.catch(() => {});
  }
}
