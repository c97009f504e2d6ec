/** Checks the migrations of a folder against those of a database. Does no I/O. */

/** nessie silently skips a file whose name does not match. */
const fileName = /^\d{14}_[a-z\d]+(?:_[a-z\d]+)*\.ts$/;
/** The column `file_name` is a varchar(100). */
const longestFileName = 100;

/** The folder cannot be migrated as it is; the message has one sentence for each problem. */
export class FolderError extends Error {
  override readonly name = "FolderError";
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * Returns the folder's migrations, oldest first. Ignores files that are not TypeScript.
 * @throws {FolderError}
 */
export function orderMigrations(files: readonly string[]): string[] {
  const names = files.filter((file) => file.endsWith(".ts")).sort();
  const problems: string[] = [];
  for (const name of names) {
    if (!fileName.test(name) || name.length > longestFileName) {
      problems.push(
        `${name} is no name for a migration: it must be 14 digits, "_", then lower-case letters and digits in words ` +
          `joined by single "_", then ".ts", ${longestFileName} characters at most.`,
      );
    }
  }
  names.forEach((name, i) => {
    const before = names[i - 1];
    if (before !== undefined && before.slice(0, 14) === name.slice(0, 14)) {
      problems.push(`${before} and ${name} have one timestamp, which leaves their order open: rename one.`);
    }
  });
  if (problems.length > 0) throw new FolderError(problems);
  return names;
}

/**
 * Returns the pending migrations, oldest first.
 * @param names the result of {@linkcode orderMigrations}
 * @param applied the migrations in the database
 * @throws {FolderError} when an applied migration is missing, or a pending one is older than the newest applied one:
 * nessie would skip it
 */
export function pendingMigrations(names: readonly string[], applied: readonly string[]): string[] {
  const newest = [...applied].sort().at(-1);
  const missing = applied.filter((name) => !names.includes(name));
  const pending = names.filter((name) => !applied.includes(name));
  const late = newest === undefined ? [] : pending.filter((name) => name < newest);
  const problems = [
    ...missing.map((name) => `The database has ${name}, but the folder does not: bring the file back.`),
    ...late.map((name) =>
      `${name} is older than ${newest}, which is applied already: give it a new timestamp, or roll back to before it.`
    ),
  ];
  if (problems.length > 0) throw new FolderError(problems);
  return pending;
}

/**
 * Returns the file name for a new migration.
 * @param name the name that the user gave
 * @param now milliseconds since 1970
 * @throws {FolderError} for an invalid name, or when the migration would not be the newest
 */
export function newFileName(name: string, existing: readonly string[], now: number): string {
  const timestamp = new Date(now).toISOString().replace(/\D/g, "").slice(0, 14);
  const file = `${timestamp}_${name}.ts`;
  const newest = orderMigrations([...existing, file]).at(-1);
  if (newest !== file) {
    throw new FolderError([`${file} would be older than ${newest}: rename that one, or wait until then.`]);
  }
  return file;
}
