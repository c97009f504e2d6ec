/**
 * The last release must keep working on the tables that a migration leaves. Finds the statements that docs/upgrades.md
 * forbids.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { lastRelease } from "../../dev/check/releases.ts";
import { isAtLeast } from "../services/server.ts";
import { catalogue } from "./catalogue.ts";
import type { AbstractMigration } from "./nessie.ts";

/** A migration of this version, and the statements of its `up`. */
interface NewMigration {
  readonly name: string;
  readonly statements: string;
}

/** Rules for a single statement, in lower case, about a table of the last release. */
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
 * Returns one sentence for each statement that would break the last release.
 * @param migrations those newer than the last release, oldest first
 */
function breaksOf(migrations: readonly NewMigration[]): string[] {
  const made = new Set<string>();
  return migrations.flatMap(({ name, statements }) => {
    const all = statementsOf(statements);
    for (const statement of all) {
      const table = /^create (?:unlogged )?table (?:if not exists )?(\S+)/.exec(statement)?.[1];
      if (table) made.add(table);
      // The function may be created in the text that a block executes.
      const called = /\bcreate or replace function (\w+)\(/.exec(statement)?.[1];
      if (called) made.add(called);
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

/** Rules that depend on more than one clause: a column that the last release omits needs a default. */
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
    // A constraint that is dropped and added under the same name is being widened. Only a test can tell whether it
    // accepts the last release's rows.
    if (
      /\badd (constraint \S+ )?check\b/.test(clause) &&
      !(check && all.some((each) => each.includes(`drop constraint ${check}`)))
    ) {
      breaks.push("refuses rows that the last release may write");
    }
  }
  return breaks;
}

/** Returns the statements in lower case, with single spaces, without comments, and with empty string literals. */
function statementsOf(sql: string): string[] {
  return sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, " ").replace(/'(?:[^']|'')*'/g, "''").toLowerCase()
    .split(";").map((statement) => statement.replace(/\s+/g, " ").trim()).filter((statement) => statement !== "");
}

function tableOf(statement: string): string | undefined {
  return /^(?:alter|drop|truncate|delete from|update)(?: table)? (?:if exists )?(?:only )?(\S+)/.exec(statement)?.[1] ??
    /^create (?:unique )?index .*? on (?:only )?([^\s(]+)/.exec(statement)?.[1] ??
    /^revoke .*? on function (\w+)\(/.exec(statement)?.[1];
}

/** Splits the statement at commas outside brackets. */
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

const of = (...statements: string[]): NewMigration[] =>
  statements.map((each, n) => ({ name: `2099010100000${n}_x.ts`, statements: each }));

Deno.test("breaksOf() rejects changes that break the last release", () => {
  const cases: [string, RegExp][] = [
    ["drop table event_counts", /"drop table event_counts" drops what/],
    ["drop view totals", /drops what/],
    ["alter table events drop column rate", /drops a column/],
    ["alter table player_totals drop constraint player_totals_pkey", /`on conflict`/],
    ["ALTER TABLE events\n  DROP COLUMN rate", /drops a column/],
    ["alter table events add column a int, drop column rate", /drops a column/],
    ["alter table events alter column stored_at drop default", /takes away what fills/],
    ["alter table events rename column rate to quote", /renames/],
    ["alter table events rename rate to quote", /renames/],
    ["alter table events rename to stored_events", /renames/],
    ["alter table events set schema old", /renames/],
    ["alter table events alter column rate type text", /changes the type/],
    ["alter table events alter rate set data type text", /changes the type/],
    ["alter table events alter column rate set not null", /makes a column not null/],
    ["alter table events add column campaign text not null", /without a default/],
    ["alter table events add column n bigint unique", /with a constraint/],
    ["alter table events add constraint sane check (amount < 5)", /refuses rows/],
    ["alter table events add check (amount < 5) not valid", /refuses rows/],
    ["alter table events add constraint once unique (event_id)", /refuses rows/],
    ["alter table events add foreign key (player_id) references players", /refuses rows/],
    ["create unique index once on events (event_id)", /refuses rows/],
    ["create index by_player on events (player_id)", /keeps writers waiting/],
    ["create index concurrently by_player on events (player_id)", /cannot run in a migration's transaction/],
    ["truncate event_counts", /deletes rows/],
    ["delete from events where player_id = 15", /deletes rows/],
    ["update events set rate = 1 where rate is null", /keeps what it changes locked/],
    ["create trigger t before insert on events for each row execute function f()", /changes or refuses/],
    ["create or replace rule r as on insert to events do instead nothing", /changes or refuses/],
    ["revoke select on players from casino_subscriber", /takes away a permission/],
    ["-- a word first\ndrop /* really */ table events", /drops what/],
  ];
  for (const [statement, why] of cases) {
    const breaks = breaksOf(of(`select 1; ${statement}`));
    strictEqual(breaks.length, 1, `${statement}: ${breaks}`);
    match(breaks[0]!, why, statement);
  }
});

Deno.test("breaksOf() accepts changes that only add", () => {
  const cases = [
    "create table campaigns (id bigint primary key, title text not null unique, check (id > 0))",
    "alter table events add column campaign_id bigint references campaigns",
    "alter table players add column bonus numeric(10, 2) not null default 0",
    "alter table events alter column currency drop not null",
    "alter table events alter column rate set default 1; alter table events alter column rate set not null",
    "create index if not exists events_player on events (player_id)",
    "drop index events_stored_at",
    "insert into players (id, email) values (15, 'drop table events; rename to')",
    "comment on table events is 'truncate; drop column'",
    "alter table events drop constraint events_type_check; " +
    "alter table events add constraint events_type_check check (type in ('bet', 'jackpot'))",
  ];
  for (const statement of cases) deepStrictEqual(breaksOf(of(statement)), [], statement);
});

Deno.test("breaksOf() ignores tables that no release has", () => {
  const migrations = of(
    "create table campaigns (id int)",
    "update campaigns set id = 2; alter table campaigns rename to actions; create index a on campaigns (id); drop table campaigns",
  );
  deepStrictEqual(breaksOf(migrations), []);
  strictEqual(breaksOf(migrations.slice(1)).length, 4);
});

Deno.test("every migration since the last release keeps that release working, or removes what it no longer uses", async () => {
  strictEqual(catalogue.has(lastRelease.newestMigration), true);
  const expanding: NewMigration[] = [];
  for (const [name, load] of catalogue) {
    if (name <= lastRelease.newestMigration) continue;
    const Migration = (await load()).default as
      & { readonly unusedSince?: string }
      & (new (props: { client: unknown }) => AbstractMigration);
    // A contract step names the release since which nothing uses the columns or tables that it removes.
    if (Migration.unusedSince !== undefined && isAtLeast(lastRelease.version, Migration.unusedSince)) continue;
    const sent: string[] = [];
    const client = { queryArray: (sql: string) => Promise.resolve({ rows: [], sent: sent.push(sql) }) };
    await new Migration({ client }).up({ dialect: "pg" });
    expanding.push({ name, statements: sent.join(";\n") });
  }
  deepStrictEqual(breaksOf(expanding), []);
});
