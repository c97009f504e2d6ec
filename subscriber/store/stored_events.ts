/** Finds the events that are stored already under the message ids of a batch, and compares them with the batch. */
import { jsonInteger } from "../../shared/event/json.ts";
import { formatTimestamp, parseTimestamp, timestampOfMs } from "../../shared/event/timestamp.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database, Row } from "../../shared/postgres/pool.ts";
import { type Column, columns, type Enriched, eventColumns, type FoundFacts } from "../enriched/enriched.ts";
import { restored, type Texts } from "../enriched/enriched.ts";
import type { Known } from "../pipeline/edges.ts";

export interface Stored {
  /** The values that come from the message, as JSON: equal for the same event. */
  readonly content: string;
  readonly facts: FoundFacts;
}

const findStatement = `select ${columns.map(textOf).join(", ")} from events where message_id = any($1::uuid[])`;

/** Returns the stored events by message id, without the ids that are not stored. */
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

/** Returns the event as Postgres would read it back, if the table does not change it. */
export function storedOf(enriched: Enriched): Stored {
  return { content: contentOf((column) => valueOf(column, enriched)), facts: enriched };
}

/** @param stored the row under the event's message id */
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
 * SQL expression: the value as text. The casts keep a prepared statement valid when a column's type is altered. A time
 * is computed from 1970: so a `timestamp` in place of a `timestamptz` counts as UTC, whatever the session's zone.
 * `to_char` leaves out the era.
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

/** The same as {@linkcode textOf}, except for insignificant digits of a time. */
function valueOf(column: Column, enriched: Enriched): string | undefined {
  if (column.type === "numeric") return column.of(enriched, "")?.perEur;
  if (column.type !== "timestamptz") return column.of(enriched, "")?.toString();
  const value = column.of(enriched, "");
  if (value === undefined) return undefined;
  const { seconds, nanos } = typeof value === "number" ? timestampOfMs(value) : value;
  // Times are stored to the microsecond, so a difference below that does not make another event.
  return formatTimestamp({ seconds, nanos: nanos - nanos % 1_000 });
}

/** In the form of shared/event/json.ts. */
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
