/** Checks that the types of the tables' columns, and the modifiers of the types, lose nothing of the written values. */
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database, Row } from "../../shared/postgres/pool.ts";
import type { Values } from "../enriched/column.ts";
import { columns } from "../enriched/enriched.ts";

/** The columns of a table that SQL writes, with the types that they need. */
export type NeededTypes = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A batch writes these beside `events`. */
export const batchTables: NeededTypes = {
  batch_totals: {
    ...{ second: "timestamptz", subscriber_id: "text", events: "int8", player_ids: "int8[]" },
    ...{ bets: "int8[]", wins: "int8[]", deposits_eur: "numeric[]" },
  },
};

/** Written by fold.ts alone. */
export const totalsTables: NeededTypes = {
  player_totals: { player_id: "int8", bets: "int8", wins: "int8", deposits_eur: "numeric" },
  event_counts: { second: "timestamptz", subscriber_id: "text", events: "int8" },
  player_leaders: { subscriber_id: "text", bets: "int8[]", wins: "int8[]", deposits_eur: "numeric[]" },
};

/**
 * SQL condition on a row of pg_class: the table may drop or change rows without an error. Either it or a partition has
 * a trigger, or is neither a plain nor a partitioned table. A trigger of a partition does not count as the table's own.
 */
export const mayChangeRows = `(relkind not in ('r', 'p') or relhastriggers or exists (
  select from pg_inherits join pg_class as part on part.oid = inhrelid
  where inhparent = pg_class.oid and (part.relkind <> 'r' or part.relhastriggers)))`;

/** Reads the tables that come first on the search path. A domain counts as its base type, an enumeration as text. */
const columnsQuery = `
  with recursive found as (
    select attrelid, attnum, atttypid as type, atttypmod as modifier from pg_attribute
    where attrelid in (select to_regclass(name) from unnest($1::text[]) as name)
      and attnum > 0 and not attisdropped
    union all
    select attrelid, attnum, typbasetype, typtypmod from found join pg_type on oid = type where typtype = 'd'
  )
  select relname, attname, case when typtype = 'e' then 'text' else typname end, format_type(type, modifier), modifier,
    attnotnull, atthasdef or attidentity <> '', attgenerated <> '', attnum, atttypid, atttypmod,
    ${mayChangeRows}
  from found join pg_type on pg_type.oid = type and typtype <> 'd'
    join pg_attribute using (attrelid, attnum) join pg_class on pg_class.oid = attrelid
  order by attrelid, attnum`;

export interface FoundColumn {
  readonly table: string;
  readonly name: string;
  /** As in `pg_type.typname`; `shown` includes the modifier. */
  readonly type: string;
  readonly shown: string;
  /** -1 when the type has none. */
  readonly modifier: number;
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
  readonly number: number;
  /** Type and modifier of the column itself, which may be a domain. */
  readonly own: { readonly type: string; readonly modifier: string };
  /** {@linkcode mayChangeRows} of the column's table. */
  readonly mayChangeRows: boolean;
}

/** @throws errors of Postgres */
export async function readColumns(database: Database, tables: readonly string[]): Promise<FoundColumn[]> {
  return (await database.query(columnsQuery, [arrayLiteral(tables)])).map(foundOf);
}

function foundOf(row: Row): FoundColumn {
  const [table, name, type, shown, modifier, notNull, hasDefault, generated, number, ownType, ownModifier, changes] =
    row as string[];
  return {
    ...{ table: table!, name: name!, type: type!, shown: shown!, modifier: Number(modifier), number: Number(number) },
    ...{ isNotNull: notNull === "t", hasDefault: hasDefault === "t", isGenerated: generated === "t" },
    own: { type: ownType!, modifier: ownModifier! },
    mayChangeRows: changes === "t",
  };
}

const texts = ["text", "varchar", "bpchar", "citext"];

/** Types whose binary form is the same as that of the written type. */
const alike: { readonly [Type in keyof Values]?: readonly string[] } = {
  text: texts,
  timestamptz: ["timestamptz", "timestamp"],
};

/** Types that store the value of an INSERT unchanged, or refuse it. */
const integers = ["int2", "int4", "int8", "numeric"];
const holding: Readonly<Record<string, readonly string[]>> = {
  ...{ int8: integers, numeric: integers, text: texts, timestamptz: ["timestamptz"] },
  ...{ "int8[]": integers, "numeric[]": integers },
};

/** The most digits after the decimal point of a rate; subscriber/rates/rates.ts refuses more. */
const mostDigitsOfRate = 18;

/**
 * Returns in one sentence why rows cannot be written to the tables, or would be stored with other values. Only
 * modifiers of numbers and times lose something without an error: `varchar(10)` refuses a longer text. Defaults do no
 * harm, because COPY writes nulls.
 */
export function eventsProblem(found: readonly FoundColumn[]): string | undefined {
  const events = new Map(found.filter(({ table }) => table === "events").map((column) => [column.name, column]));
  if (events.size === 0) return "the table events does not exist; run `deno task migrate`";
  for (const { name, type } of columns) {
    const column = events.get(name);
    if (!column) return `events.${name} is missing; run \`deno task migrate\``;
    if (!(alike[type] ?? [type]).includes(column.type)) return wrongType(column, type);
    if (roundsBelow(column, mostDigitsOfRate)) return rounding(column, type);
    if (column.isGenerated) return `events.${name} is a generated column and cannot be written; drop its expression`;
  }
  return typeProblem(found, batchTables);
}

/** The same for tables that SQL writes. A missing table is an error of the statement that writes it. */
export function typeProblem(found: readonly FoundColumn[], needed: NeededTypes): string | undefined {
  for (const column of found) {
    const type = needed[column.table]?.[column.name];
    if (type === undefined) continue;
    const element = type.endsWith("[]") ? column.type.replace(/^_/, "") : column.type;
    if (!holding[type]?.includes(element)) return wrongType(column, type);
    // All summed values are whole: cents, events, seconds.
    if (element === "numeric" && roundsBelow({ ...column, type: element }, 0)) return rounding(column, type);
  }
  return undefined;
}

function wrongType({ table, name, type }: FoundColumn, wanted: string): string {
  return `${table}.${name} is of type ${type.replace(/^_(.*)/, "$1[]")}, not ${wanted}; alter it back`;
}

function rounding({ table, name, shown }: FoundColumn, wanted: string): string {
  return `${table}.${name} is of type ${shown}, which rounds the values; alter it back to ${wanted}`;
}

const microseconds = 6;

/** @param digits the digits after the decimal point that a number needs */
function roundsBelow({ type, modifier }: Pick<FoundColumn, "type" | "modifier">, digits: number): boolean {
  if (modifier < 0) return false;
  if (type === "numeric") return scaleOf(modifier) < digits;
  return ["timestamptz", "timestamp"].includes(type) && modifier < microseconds;
}

/** Digits after the decimal point: a signed number of 11 bits, as `numeric_typmod_scale` of PostgreSQL reads it. */
function scaleOf(modifier: number): number {
  const headerBytes = 4;
  return (((modifier - headerBytes) & 0x7ff) ^ 0x400) - 0x400;
}

/** The same as {@linkcode eventsProblem}, or why some rows cannot be written unless a trigger fills the column. */
export function columnProblem(found: readonly FoundColumn[]): string | undefined {
  const problem = eventsProblem(found);
  if (problem !== undefined) return problem;
  const nullable = new Map(columns.map((column) => [column.name, column.nullable]));
  for (const { table, name, isNotNull, hasDefault } of found) {
    if (table !== "events" || !isNotNull) continue;
    const leftOut = nullable.get(name);
    if (leftOut === true) return `events.${name} is not null, but some events have no value for it`;
    if (leftOut === undefined && !hasDefault) {
      return `events.${name} is not null and has no default, and this version does not write it`;
    }
  }
  return undefined;
}

/** Whether the subscriber writes this column of `events`. */
export function isWritten(column: string): boolean {
  return columns.some(({ name }) => name === column);
}
