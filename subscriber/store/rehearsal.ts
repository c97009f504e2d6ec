/** What the table would make of an event, by storing it under another id and undoing that. */
import type { Database } from "../../shared/postgres/pool.ts";
import { messageIdOfBody, msOfMessageId } from "../../shared/rabbitmq/message_id.ts";
import { classifyStoreError } from "../../shared/runtime/errors.ts";
import { type Column, type Enriched, eventColumns } from "../enriched/enriched.ts";
import { copyStatement, type EventRows } from "./event_rows.ts";
import { failedCheck } from "./layout.ts";

const same = "casino: same ";
const encoder = new TextEncoder();

/**
 * Those events that the table, with its triggers, would store just as the rows that are there under their ids. An event that it
 * refuses, or leaves out, is none of them.
 * @throws errors of a database that is away
 */
export async function storedAlike(
  events: readonly Enriched[],
  rows: EventRows,
  database: Database,
): Promise<ReadonlySet<Enriched>> {
  const tried = events.map((event, n) => ({ event, id: otherId(event.messageId, n) })).sort((a, b) =>
    a.id < b.id ? -1 : 1
  );
  const copies = tried.map(({ event, id }) => ({ ...event, messageId: id }));
  const ids = tried.map(({ event }) => event.messageId);
  const statements = `${copyStatement};\n${compareStatement(ids, copies.map(({ messageId }) => messageId))}`;
  try {
    await rows.with(copies, (bytes) => database.copyIn(statements, bytes));
  } catch (error) {
    const found = failedCheck(error);
    if (found?.startsWith(same)) return new Set(numbersOf(found).map((n) => tried[n - 1]!.event));
    if (classifyStoreError(error) === "away") throw error;
    if (events.length > 1) return await inHalves(events, rows, database);
  }
  return new Set();
}

/** One that nobody sends, of the same time: it decides on the partition (docs/scale.md). */
function otherId(messageId: string, n: number): string {
  return messageIdOfBody(encoder.encode(JSON.stringify([messageId, n])), msOfMessageId(messageId));
}

async function inHalves(events: readonly Enriched[], rows: EventRows, database: Database): Promise<Set<Enriched>> {
  const half = Math.ceil(events.length / 2);
  const alike = new Set<Enriched>();
  for (const part of [events.slice(0, half), events.slice(half)]) {
    for (const event of await storedAlike(part, rows, database)) alike.add(event);
  }
  return alike;
}

/** Fails always, with the positions of the ids whose rows are equal in what came in the message; so all of it is undone. */
function compareStatement(stored: readonly string[], copies: readonly string[]): string {
  const [ours, theirs] = ["copy", "stored"].map((row) => eventColumns.map((column) => valueOf(row, column)).join(", "));
  return `select cast('${same}' || coalesce(string_agg(n::text, ','), '') as int)
from unnest('{${stored.join(",")}}'::uuid[], '{${
    copies.join(",")
  }}'::uuid[]) with ordinality as pair (stored_id, copy_id, n)
join events as stored on stored.message_id = stored_id join events as copy on copy.message_id = copy_id
where (${ours}) is not distinct from (${theirs})`;
}

/** As text, for citext takes capitals for small letters. */
function valueOf(row: string, { name, type }: Column): string {
  return type === "text" ? `${row}.${name}::text` : `${row}.${name}`;
}

function numbersOf(found: string): number[] {
  return found.slice(same.length).split(",").filter((text) => text !== "").map(Number);
}
