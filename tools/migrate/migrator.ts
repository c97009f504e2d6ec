/**
 * Applies migrations under nessie's contract, but safely: each file and its history row in one transaction, and one run
 * at a time.
 */
import type { Clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Session } from "../../shared/postgres/session.ts";
import { pendingMigrations } from "./folder.ts";
import { grantRoles } from "./grants.ts";
import { type Catalogue, createHistory, type Direction, MigrationError, runMigration } from "./transaction.ts";

export interface MigratorOptions {
  /** One connection, which holds the lock. */
  readonly sql: Session;
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
const appliedPollMs = 1_000;

/**
 * Applies all pending migrations, oldest first.
 * @returns the files' names
 * @throws {FolderError} when nessie would skip a file or read the folder wrongly
 * @throws {MigrationError} when a file fails; the files before it stay applied
 */
export function migrateUp(options: MigratorOptions): Promise<string[]> {
  return underLock(options, async (applied) => {
    const pending = pendingMigrations([...options.catalogue.keys()], applied);
    for (const name of pending) await run(options, "up", name);
    const roles = await grantRoles(options.sql);
    if (roles.length > 0) options.say(`Granted what they need to ${roles.join(" and ")}.`);
    return pending;
  });
}

/**
 * Rolls back the newest `steps`, newest first.
 * @returns the files' names
 * @throws as {@linkcode migrateUp} does
 */
export function migrateDown(options: MigratorOptions, steps: number): Promise<string[]> {
  return underLock(options, async (applied) => {
    pendingMigrations([...options.catalogue.keys()], applied);
    const last = applied.toReversed().slice(0, steps);
    for (const name of last) await run(options, "down", name);
    return last;
  });
}

/** Returns the applied migrations, oldest first. Changes nothing. */
export async function readHistory(sql: Session): Promise<AppliedMigration[]> {
  const { found } = await sql.one("select to_regclass('nessie_migrations') as found");
  if (found === null) return [];
  // The column has no time zone, and holds UTC (transaction.ts). As a number, the value does not depend on the
  // session's time zone or DateStyle.
  const rows = await sql.query<{ name: string; seconds: number }>(
    "select file_name as name, extract(epoch from created_at)::float8 as seconds from nessie_migrations order by file_name",
  );
  return rows.map(({ name, seconds }) => ({ name, appliedAt: new Date(seconds * 1_000) }));
}

/**
 * Waits until all migrations of the catalogue are applied; a database may have more. Also waits while the server
 * starts, and while a role lacks its grants.
 * @returns the remaining problem when the time is over
 */
export async function untilApplied(
  { sql, catalogue, clock, say }: MigratorOptions,
  timeoutMs: number,
): Promise<string | undefined> {
  const giveUpAt = clock.monotonic() + timeoutMs;
  for (let said = "";;) {
    const obstacle = await readHistory(sql).then(
      (history) => {
        const applied = new Set(history.map(({ name }) => name));
        const pending = [...catalogue.keys()].filter((name) => !applied.has(name));
        return pending.length === 0 ? undefined : `pending: ${pending.join(", ")}`;
      },
      (error) => messageOf(error),
    );
    if (obstacle === undefined || clock.monotonic() >= giveUpAt) return obstacle;
    if (obstacle !== said) say(`Waiting for migrations (${obstacle}).`);
    said = obstacle;
    await clock.sleep(appliedPollMs);
  }
}

async function run({ sql, catalogue, say }: MigratorOptions, direction: Direction, name: string): Promise<void> {
  await runMigration(sql, direction, name, catalogue.get(name)!);
  say(direction === "up" ? `Applied ${name}.` : `Rolled back ${name}.`);
}

/**
 * Serializes runs: two runs at once would both find the same files pending.
 * @param act gets the names of the applied migrations, oldest first
 */
async function underLock<T>(
  { sql, clock, say }: MigratorOptions,
  act: (applied: string[]) => Promise<T>,
): Promise<T> {
  const { schema } = await sql.one<{ schema: string | null }>("select current_schema() as schema");
  if (schema === null) throw new MigrationError("The schema in DATABASE_URL's search_path does not exist.");
  const key = `${schema}.nessie_migrations`;
  const giveUpAt = clock.monotonic() + lockDeadlineMs;
  for (let said = false;; said = true) {
    const { locked } = await sql.one("select pg_try_advisory_lock(hashtextextended($1, 0)) as locked", [key]);
    if (locked) break;
    if (clock.monotonic() > giveUpAt) {
      throw new MigrationError(`Another run has been migrating for ${lockDeadlineMs} ms; try again later.`);
    }
    if (!said) say("Waiting for another run to finish.");
    await clock.sleep(lockPollMs);
  }
  try {
    await sql.query(createHistory);
    return await act((await readHistory(sql)).map(({ name }) => name));
  } finally {
    await sql.query("select pg_advisory_unlock(hashtextextended($1, 0))", [key]).catch(() => {});
  }
}
