/**
 * Whether the last release goes on working on the tables that a migration leaves: what docs/upgrades.md forbids in one step,
 * found in the migration's statements. Knows no I/O.
 */

/** A migration of this version, and all that its `up` sends. */
export interface NewMigration {
  readonly name: string;
  readonly statements: string;
}

/** Of one statement, in lower case, about a table that the last release has. */
const rules: readonly (readonly [breaks: RegExp, why: string])[] = [
  [/^drop (?!index)/, "drops what the last release may use"],
  [/\bdrop constraint (if exists )?\S+_(pkey|key)\b/, "drops what `on conflict` of the last release may go by"],
  [/\bdrop column\b/, "drops a column that the last release may use"],
  [/\bdrop (default|identity|expression)\b/, "takes away what fills a column that the last release leaves out"],
  [/\brename\b|\bset schema\b/, "renames what the last release calls by its name"],
  [
    /\balter (column )?\S+ (set data )?type\b/,
    "changes the type of a column, and rewrites the table under a lock",
  ],
  [/^(delete from|truncate)\b/, "deletes rows that the last release has stored"],
  [/^update\b/, "keeps what it changes locked until the migration's end: fill old rows in batches, by hand"],
  [/^create (or replace )?((constraint )?trigger|rule)\b/, "changes or refuses what the last release writes"],
  [/^revoke\b/, "takes away a permission that the last release may need"],
  [
    /\badd (constraint \S+ )?(unique|primary key|exclude|foreign key)\b|^create unique index\b/,
    "refuses rows that the last release may write",
  ],
  [
    /^create (?:unique )?index concurrently\b/,
    "cannot run in a migration's transaction: make it by hand before, and write `if not exists`",
  ],
  [
    /^create index (?!if not exists|concurrently)/,
    "keeps writers waiting while it is made, unless it is made by hand before: write `if not exists`",
  ],
];

/**
 * One sentence for each statement that would break the last release.
 * @param migrations those that are newer than the last release, oldest first
 */
export function breaksOf(migrations: readonly NewMigration[]): string[] {
  const made = new Set<string>();
  return migrations.flatMap(({ name, statements }) => {
    const all = statementsOf(statements);
    for (const statement of all) {
      const table = /^create (?:unlogged )?table (?:if not exists )?(\S+)/.exec(statement)?.[1];
      if (table) made.add(table);
    }
    return all.flatMap((statement) => {
      if (made.has(tableOf(statement) ?? "")) return [];
      const why = [
        ...rules.filter(([breaks]) => breaks.test(statement)).map(([, why]) => why),
        ...columnBreaks(statement, all),
      ];
      return why.map((each) => `${name}: "${excerpt(statement)}" ${each}`);
    });
  });
}

/** What hangs on more than one clause: a value must be there for what the last release leaves out. */
function columnBreaks(statement: string, all: readonly string[]): string[] {
  const breaks: string[] = [];
  for (const clause of clausesOf(statement)) {
    if (
      /\badd column\b/.test(clause) && /\bnot null\b|\bprimary key\b/.test(clause) &&
      !/\bdefault\b|\bgenerated\b/.test(clause)
    ) {
      breaks.push("adds a column that must not be null, without a default");
    }
    if (/\badd column\b/.test(clause) && /\bunique\b|\bcheck\b/.test(clause)) {
      breaks.push("adds a column with a constraint, which is checked under a lock: add it by itself");
    }
    const column = /\balter (?:column )?(\S+) set not null\b/.exec(clause)?.[1];
    if (column && !all.some((each) => new RegExp(`\\b${column} set default\\b`).test(each))) {
      breaks.push("makes a column not null, which the last release may leave out");
    }
    const check = /\badd constraint (\S+) check\b/.exec(clause)?.[1];
    // The same name again is how a check is widened; that it takes what the last release writes, only a test can tell.
    if (
      /\badd (constraint \S+ )?check\b/.test(clause) &&
      !(check && all.some((each) => each.includes(`drop constraint ${check}`)))
    ) {
      breaks.push("refuses rows that the last release may write");
    }
  }
  return breaks;
}

/** In lower case, with single spaces, without comments, and with nothing in their quotes. */
function statementsOf(sql: string): string[] {
  return sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, " ").replace(/'(?:[^']|'')*'/g, "''").toLowerCase()
    .split(";").map((statement) => statement.replace(/\s+/g, " ").trim()).filter((statement) => statement !== "");
}

function tableOf(statement: string): string | undefined {
  return /^(?:alter|drop|truncate|delete from|update)(?: table)? (?:if exists )?(?:only )?(\S+)/.exec(statement)?.[1] ??
    /^create (?:unique )?index .*? on (?:only )?([^\s(]+)/.exec(statement)?.[1];
}

/** At the commas that are in no brackets. */
function clausesOf(statement: string): string[] {
  const clauses = [""];
  let depth = 0;
  for (const character of statement) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "," && depth === 0) clauses.push("");
    else clauses[clauses.length - 1] += character;
  }
  return clauses;
}

function excerpt(statement: string): string {
  return statement.length > 100 ? `${statement.slice(0, 100)}…` : statement;
}
