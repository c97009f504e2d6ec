/** Finds the letters of an event in the table of dead letters. */
import { Buffer } from "node:buffer";
import type { Event } from "../../shared/event/event.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";

import type { Database, Row } from "../../shared/postgres/pool.ts";
import { publishedAtMs, timestampMsOf } from "../../shared/rabbitmq/message.ts";
import { propertiesOfWire } from "../../shared/rabbitmq/origin/wire_properties.ts";
import { eventOf, isAround } from "./in_hand.ts";
import { isoTime } from "./iso_time.ts";
import type { FindQuery } from "./query.ts";

/** One letter, and the acts on it. */
export interface FoundLetter {
  readonly id: bigint;
  readonly messageId: string;
  readonly sentId: string | undefined;
  readonly event: Event | undefined;
  readonly publishedMs: number | undefined;
  readonly publishedBy: string | undefined;
  readonly status: string;
  readonly reason: string;
  readonly detail: string;
  readonly attempts: number;
  readonly replays: number;
  readonly edits: number;
  readonly subscriber: string | undefined;
  /** RFC 3339. */
  readonly failedAt: string | undefined;
  readonly keptAt: string;
  readonly actedAt: string | undefined;
  readonly actedBy: string | undefined;
  readonly storedAt: string | undefined;
  readonly storedBy: string | undefined;
}

/** No event's body is longer, and a letter with another body names no player. */
const mostBodyBytes = 4_096;

/** Later migrations add some of these columns. Without them, their names refer to the nulls in `missing`. */
const letters = (where: string) => `
  select letters.* from (select null::timestamptz as stored_at, null::text as stored_by, 0 as edits) as missing
  cross join lateral (
    select id, message_id, sent_id, status, reason, detail, attempts, replays, edits, subscriber_id,
      ${isoTime("last_failed_at")}, ${isoTime("kept_at")}, ${isoTime("acted_at")}, acted_by,
      ${isoTime("stored_at")}, stored_by, encode(properties, 'base64'),
      encode(substring(body from 1 for ${mostBodyBytes}), 'base64')
    from dead_letters where ${where} order by dead_letters.id desc limit`;

/** A union, so that each form of id uses its own index: with old statistics, an \`or\` would use none. */
const byIdStatement = `
  with found as materialized (
    select id from dead_letters where message_id = any($1::uuid[])
    union select id from dead_letters where sent_id = $2
    union select id from dead_letters where event_id = any($3::bigint[])
  ) ${letters("id in (select found.id from found)")} $4::int) as letters`;
const byPlayerStatement = `${letters("player_id = $1::bigint")} $2::int) as letters`;

export interface FoundLetters {
  readonly letters: readonly FoundLetter[];
  /** Whether the player has more letters than were looked at. */
  readonly isCut: boolean;
}

/** Maximum number of a player's letters that are looked at, newest first. */
const mostOfPlayer = 500;

/** Returns the matching letters, newest first. */
export async function findLetters(database: Database, query: FindQuery, limit: number): Promise<FoundLetters> {
  if ("text" in query) {
    const { text, messageId, eventId } = query;
    const ids = [arrayLiteral(messageId ? [messageId] : []), withoutNul(text)];
    const events = eventId === undefined ? "{}" : `{${eventId}}`;
    const rows = await database.query(byIdStatement, [...ids, events, String(limit + 1)]);
    return { letters: rows.map(letterOf), isCut: false };
  }
  const rows = await database.query(byPlayerStatement, [String(query.playerId), String(mostOfPlayer + 1)]);
  const found = rows.slice(0, mostOfPlayer).map(letterOf);
  const around = found.filter(({ event }) => event && isAround(event, query));
  return { letters: around.slice(0, limit + 1), isCut: rows.length > mostOfPlayer };
}

function letterOf(row: Row): FoundLetter {
  const [id, messageId, sentId, status, reason, detail, attempts, replays, edits, subscriber, ...times] = row;
  const [failedAt, keptAt, actedAt, actedBy, storedAt, storedBy, wire, body] = times;
  const { timestamp, appId } = propertiesOfWire(Buffer.from(wire!, "base64"));
  const timestampMs = timestampMsOf(timestamp);
  return {
    ...{ id: BigInt(id!), messageId: messageId!, sentId: sentId ?? undefined },
    event: eventOf({ body: Buffer.from(body!, "base64") }),
    publishedMs: publishedAtMs({ messageId: messageId!, timestampMs, headers: {} }),
    publishedBy: typeof appId === "string" ? appId : undefined,
    ...{ status: status!, reason: reason!, detail: detail! },
    ...{ attempts: Number(attempts), replays: Number(replays), edits: Number(edits) },
    ...{ subscriber: subscriber ?? undefined, failedAt: failedAt ?? undefined, keptAt: keptAt! },
    ...{ actedAt: actedAt ?? undefined, actedBy: actedBy ?? undefined },
    ...{ storedAt: storedAt ?? undefined, storedBy: storedBy ?? undefined },
  };
}

/** Replaces what Postgres cannot store in text: such text matches no letter. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "\u{fffd}").toWellFormed();
}
