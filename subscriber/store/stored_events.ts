/** Events that are stored already under ids that come again. */
import { jsonInteger } from "../../shared/event/json.ts";
import { formatTimestamp, parseTimestamp, timestampOfMs } from "../../shared/event/timestamp.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database, Row } from "../../shared/postgres/pool.ts";
import { type Column, columns, type Enriched, eventColumns, type FoundFacts } from "../enriched/enriched.ts";
import { restored, type Texts } from "../enriched/enriched.ts";
import type { Known } from "../pipeline/edges.ts";

export interface Stored {
  /** What came in the message, as JSON: equal for the same event. */
  readonly content: string;
  readonly facts: FoundFacts;
}

const findStatement = `select ${columns.map(textOf).join(", ")} from events where message_id = any($1::uuid[])`;

/** By message id; those that are not stored are left out. */
export async function findStored(
  database: Database,
  messageIds: readonly string[],
): Promise<ReadonlyMap<string, Stored>> {
  const rows = await database.query(findStatement, [arrayLiteral(messageIds)]);
  return new Map(rows.map((row) => {
    const texts = textsOf(row);
    return [texts.get("message_id")!, {
      content: contentOf((column) => texts.get(column.name)),
      facts: factsOf(texts),
    }];
  }));
}

/** An event as it is stored, or will be, unless the table changes it. */
export function storedOf(enriched: Enriched): Stored {
  return { content: contentOf((column) => valueOf(column, enriched)), facts: enriched };
}

/** @param stored under the event's message id */
export function knownAs(enriched: Enriched, { content, facts }: Stored): Known {
  const ours = storedOf(enriched).content;
  if (content === ours) return sameAs(enriched, facts);
  return {
    conflict: `message id ${enriched.messageId} belongs to another event: ${content} is stored, this event is ${ours}`,
  };
}

export function sameAs({ messageId, event }: Enriched, facts: FoundFacts): { readonly stored: Enriched } {
  return { stored: { ...facts, messageId, event } };
}

/**
 * SQL expression: a value as text. The casts keep a prepared statement good when a column's type is altered. A time is counted
 * from 1970, for a `timestamp` in place of a `timestamptz` is one in UTC, whatever zone the session has. `to_char` leaves out the era.
 */
function textOf({ name, type }: Column): string {
  if (type !== "timestamptz") return `${name}::${type}::text`;
  const instant = `timestamp 'epoch' + (${name} - 'epoch')`;
  const era = `case when ${instant} < '0001-01-01' then ' BC' else '' end`;
  return `case when isfinite(${name}) then to_char(${instant}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || ${era} end`;
}

function textsOf(row: Row): Texts {
  const texts = new Map<string, string>();
  for (const [i, { name }] of columns.entries()) if (typeof row[i] === "string") texts.set(name, row[i]);
  return texts;
}

/** The same as {@linkcode textOf}, but for digits of a time that say nothing. */
function valueOf(column: Column, enriched: Enriched): string | undefined {
  if (column.type === "numeric") return column.of(enriched, "")?.perEur;
  if (column.type !== "timestamptz") return column.of(enriched, "")?.toString();
  const value = column.of(enriched, "");
  if (value === undefined) return undefined;
  const { seconds, nanos } = typeof value === "number" ? timestampOfMs(value) : value;
  // Times are stored to the microsecond: the rest of a second tells no events apart.
  return formatTimestamp({ seconds, nanos: nanos - nanos % 1_000 });
}

/** As shared/event/json.ts writes an event. */
function contentOf(valueOf: (column: Column) => string | undefined): string {
  const content: Record<string, unknown> = {};
  for (const column of eventColumns) {
    const value = valueOf(column);
    if (value !== undefined) content[column.json?.key ?? column.name] = jsonOf(column, value);
  }
  return JSON.stringify(content);
}

function jsonOf({ type }: Column, text: string): unknown {
  if (type === "int8") return jsonInteger(BigInt(text));
  if (type === "bool") return text === "true";
  const time = type === "timestamptz" ? parseTimestamp(text) : undefined;
  return time ? formatTimestamp(time) : text;
}

function factsOf(texts: Texts): FoundFacts {
  return Object.fromEntries(
    Object.entries(restored).map(([fact, read]) => [fact, read(texts)]),
  ) as unknown as FoundFacts;
}
