/** What the tables must be for what is written to them: types, and modifiers of types, that lose nothing of it. */
import type { Database, Row } from "../../shared/postgres/pool.ts";
import type { Values } from "../enriched/column.ts";
import { columns } from "../enriched/enriched.ts";
import { totalsTables } from "./totals.ts";

/**
 * SQL condition on a row of pg_class: the table may leave out or change rows without an error, by a trigger, or because it or a
 * partition is of another kind. A trigger of a partition is not the table's own.
 */
export const mayChangeRows = `(relkind not in ('r', 'p') or relhastriggers or exists (
  select from pg_inherits join pg_class as part on part.oid = inhrelid
  where inhparent = pg_class.oid and (part.relkind <> 'r' or part.relhastriggers)))`;

/** Of the tables that are first on the search path. The type of a domain is the one below it, and an enumeration is read as text. */
const columnsQuery = `
  with recursive found as (
    select attrelid, attnum, atttypid as type, atttypmod as modifier from pg_attribute
    where attrelid in (${["events", ...Object.keys(totalsTables)].map((name) => `to_regclass('${name}')`).join(", ")})
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
  /** As `pg_type.typname` has it; `shown` has its modifier as well. */
  readonly type: string;
  readonly shown: string;
  /** -1 when there is none. */
  readonly modifier: number;
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
  readonly number: number;
  /** Of the column itself, where that is a domain. */
  readonly own: { readonly type: string; readonly modifier: string };
  /** Of its table: {@linkcode mayChangeRows}. */
  readonly mayChangeRows: boolean;
}

/** @throws errors of Postgres */
export async function readColumns(database: Database): Promise<FoundColumn[]> {
  return (await database.query(columnsQuery, [])).map(foundOf);
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

/** Types that read the same bytes as those that COPY writes. */
const alike: { readonly [Type in keyof Values]?: readonly string[] } = {
  text: texts,
  timestamptz: ["timestamptz", "timestamp"],
};

/** Types that hold what an INSERT gives them, or refuse it. */
const integers = ["int2", "int4", "int8", "numeric"];
const holding: Readonly<Record<string, readonly string[]>> = {
  ...{ int8: integers, numeric: integers, text: texts, timestamptz: ["timestamptz"] },
  ...{ "int8[]": integers, "numeric[]": integers },
};

/** Most digits after the point of a rate; subscriber/rates/rates.ts refuses more. */
const mostDigitsOfRate = 18;

/**
 * Why no row can be written to the tables, or not as it is meant, in one sentence. Only a modifier of a number or a time loses
 * something in silence: a text that is too long for `varchar(10)` is refused. A default is no danger, for COPY writes nulls.
 */
export function typeProblem(found: readonly FoundColumn[]): string | undefined {
  const events = new Map(found.filter(({ table }) => table === "events").map((column) => [column.name, column]));
  if (events.size === 0) return "there is no table events; run `deno task migrate`";
  for (const { name, type } of columns) {
    const column = events.get(name);
    if (!column) return `events.${name} is missing; run \`deno task migrate\``;
    if (!(alike[type] ?? [type]).includes(column.type)) return wrongType(column, type);
    if (roundsBelow(column, mostDigitsOfRate)) return rounding(column, type);
    if (column.isGenerated) return `events.${name} is generated, and cannot be written; drop its expression`;
  }
  for (const column of found) {
    const type = totalsTables[column.table]?.[column.name];
    if (type === undefined) continue;
    const element = type.endsWith("[]") ? column.type.replace(/^_/, "") : column.type;
    if (!holding[type]?.includes(element)) return wrongType(column, type);
    // All that is summed is whole: cents, events, seconds.
    if (element === "numeric" && roundsBelow({ ...column, type: element }, 0)) return rounding(column, type);
  }
  return undefined;
}

function wrongType({ table, name, type }: FoundColumn, wanted: string): string {
  return `${table}.${name} is of type ${type.replace(/^_(.*)/, "$1[]")}, not ${wanted}; alter it back`;
}

function rounding({ table, name, shown }: FoundColumn, wanted: string): string {
  return `${table}.${name} is of type ${shown}, which rounds what is written; alter it back to ${wanted}`;
}

const microseconds = 6;

/** @param digits after the point, of a number */
function roundsBelow({ type, modifier }: Pick<FoundColumn, "type" | "modifier">, digits: number): boolean {
  if (modifier < 0) return false;
  if (type === "numeric") return scaleOf(modifier) < digits;
  return ["timestamptz", "timestamp"].includes(type) && modifier < microseconds;
}

/** Digits after the point: 11 bits with a sign, as `numeric_typmod_scale` of PostgreSQL reads them. */
function scaleOf(modifier: number): number {
  const headerBytes = 4;
  return (((modifier - headerBytes) & 0x7ff) ^ 0x400) - 0x400;
}

/** The same as {@linkcode typeProblem}, or why not every row can be written, unless a trigger sees to it. */
export function columnProblem(found: readonly FoundColumn[]): string | undefined {
  const problem = typeProblem(found);
  if (problem !== undefined) return problem;
  const nullable = new Map(columns.map((column) => [column.name, column.nullable]));
  for (const { table, name, isNotNull, hasDefault } of found) {
    if (table !== "events" || !isNotNull) continue;
    const leftOut = nullable.get(name);
    if (leftOut === true) return `events.${name} is not null, but some events leave it out`;
    if (leftOut === undefined && !hasDefault) {
      return `events.${name} is not null, has no default, and is not written`;
    }
  }
  return undefined;
}

/** Whether events have a value for this column. */
export function isWritten(column: string): boolean {
  return columns.some(({ name }) => name === column);
}
