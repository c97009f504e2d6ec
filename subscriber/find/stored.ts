/** Finds events in the table `events`, by message id, event id, or player and time. */
import { jsonInteger } from "../../shared/event/json.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database, Row } from "../../shared/postgres/pool.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { isoTime } from "./iso_time.ts";
import type { FindQuery } from "./query.ts";

export interface StoredEvent {
  readonly messageId: string;
  readonly sentId: string | undefined;
  /** With the keys of the event as JSON. */
  readonly event: Readonly<Record<string, unknown>>;
  /** RFC 3339. */
  readonly storedAt: string;
  readonly storedBy: string;
  readonly amount: bigint | undefined;
  readonly currency: string | undefined;
  readonly eurCents: bigint | undefined;
  readonly rate: string | undefined;
  /** RFC 3339. */
  readonly ratesAsOf: string | undefined;
}

/** The length to which `sent_id` is cut when it is stored. */
const longestSentId = 255;

/** A later migration adds `sent_id`. Without it, the name refers to the null in `missing`. */
const statementFor = (where: string) => `
  select stored.* from (select null::text as sent_id) as missing cross join lateral (
    select message_id, sent_id, event_id, player_id, game_id, type, amount, currency, has_won, ${isoTime("created_at")},
      amount_eur, description, rate, ${isoTime("rates_as_of")}, ${isoTime("stored_at")}, subscriber_id
    from events where message_id in (${where}) order by events.stored_at desc, message_id limit`;

/** The migration that made the index also made these functions. */
const byIdsStatement = `${
  statementFor(`select unnest($1::uuid[]) union select messages_of_event(id) from unnest($2::bigint[]) as id
    union select sent.message_id from (select null::text as sent_id) as missing
    cross join lateral (select message_id from events where sent_id = $3 limit 100) as sent`)
} $4::int) as stored`;
const byPlayerStatement = `${
  statementFor(
    "select messages_of_player($1::bigint, $2::timestamptz, $3::timestamptz) union select unnest($4::uuid[])",
  )
} $5::int) as stored`;

/**
 * Returns the matching events, newest first.
 * @param messageIds ids found elsewhere, which are looked up too
 */
export async function findStored(
  database: Database,
  query: FindQuery,
  messageIds: readonly string[],
  limit: number,
): Promise<StoredEvent[]> {
  const most = String(limit + 1);
  if ("text" in query) {
    const { text, messageId, eventId } = query;
    const ids = arrayLiteral(messageId ? [messageId, ...messageIds] : messageIds);
    const events = eventId === undefined ? "{}" : `{${eventId}}`;
    return (await database.query(byIdsStatement, [ids, events, printable(text, longestSentId), most])).map(storedOf);
  }
  const { playerId, atMs, withinMs } = query;
  const [since, until] = [atMs - withinMs, atMs + withinMs].map((ms) => new Date(ms).toISOString());
  const parameters = [String(playerId), since!, until!, arrayLiteral(messageIds), most];
  return (await database.query(byPlayerStatement, parameters)).map(storedOf);
}

function storedOf(row: Row): StoredEvent {
  const [messageId, sentId, id, playerId, gameId, type, amount, currency, hasWon, createdAt, ...facts] = row;
  const [amountEur, description, rate, ratesAsOf, storedAt, subscriberId] = facts;
  const integer = (text: string | null | undefined) => text == null ? undefined : jsonInteger(BigInt(text));
  const event = {
    ...{ id: integer(id), player_id: integer(playerId), game_id: integer(gameId), type },
    ...{ amount: integer(amount), currency: currency ?? undefined, has_won: hasWon ? hasWon === "t" : undefined },
    ...{ created_at: createdAt, amount_eur: integer(amountEur), description },
  };
  return {
    ...{ messageId: messageId!, sentId: sentId ?? undefined, storedAt: storedAt!, storedBy: subscriberId! },
    event: Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined)),
    amount: amount == null ? undefined : BigInt(amount),
    eurCents: amountEur == null ? undefined : BigInt(amountEur),
    ...{ currency: currency ?? undefined, rate: rate ?? undefined, ratesAsOf: ratesAsOf ?? undefined },
  };
}
