/** Events that are stored already under ids that come again. */
import { type Event, eventOf } from "../../shared/event/event.ts";
import { eventToJson } from "../../shared/event/json.ts";
import { kinds } from "../../shared/event/kinds.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";
import type { Database, Row } from "../../shared/postgres/pool.ts";
import { parseTimestamp } from "../../shared/event/timestamp.ts";
import { type Enriched, type Player, playerOf, type Price, unenriched } from "../enriched/enriched.ts";
import type { Known } from "../pipeline/edges.ts";

const time = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The casts keep a prepared statement good when a column's type is altered. */
const findStatement = `
  select message_id::text, event_id::text, player_id::text, game_id::text, type::text, amount::text, currency::text,
    has_won::text, ${time("created_at")}, rate::text, ${time("rates_as_of")}, amount_eur::text, player_email::text,
    ${time("player_last_signed_in_at")}, description::text
  from events where message_id = any($1::uuid[])`;

/** By message id; those that are not stored are left out. */
export async function findStored(
  database: Database,
  messageIds: readonly string[],
): Promise<ReadonlyMap<string, Enriched>> {
  const rows = await database.query(findStatement, [arrayLiteral(messageIds)]);
  return new Map(rows.map((row) => [row[0]!, enrichedOf(row)]));
}

/** @param stored under the event's message id */
export function knownAs({ messageId, event }: Enriched, stored: Enriched): Known {
  const [theirs, ours] = [contentOf(stored.event), contentOf(event)];
  if (theirs === ours) return { stored };
  return { conflict: `message id ${messageId} is that of another event: ${theirs} is stored, this one is ${ours}` };
}

/** Times are stored to the microsecond: the rest of a second tells no events apart. */
function contentOf(event: Event): string {
  const { seconds, nanos } = event.createdAt;
  const createdAt = { seconds, nanos: nanos - nanos % 1_000 };
  return JSON.stringify(eventToJson({ ...event, createdAt }));
}

function enrichedOf(row: Row): Enriched {
  const [messageId, id, playerId, gameId, type, amount, currency, hasWon, createdAt, ...facts] = row;
  const [rate, ratesAsOf, amountEur, email, lastSignedInAt, description] = facts;
  const event = {
    id: BigInt(id!),
    playerId: BigInt(playerId!),
    gameId: BigInt(gameId ?? 0),
    kind: kinds.find((kind) => kind.type === type),
    amount: BigInt(amount ?? 0),
    currency: currency ?? "",
    hasWon: hasWon === "true",
    createdAt: parseTimestamp(createdAt ?? ""),
  };
  return {
    // A row that was altered by hand may be no event; then it is another one.
    ...unenriched(messageId!, validOr(event)),
    price: priceOf(amountEur, rate, ratesAsOf),
    player: storedPlayer(email, lastSignedInAt),
    description: description ?? "",
  };
}

function validOr(draft: Parameters<typeof eventOf>[0]): Event {
  const event = eventOf(draft);
  if (!Array.isArray(event)) return event;
  const { id, playerId, gameId, createdAt = { seconds: 0, nanos: 0 } } = draft;
  return { type: "game_start", id, playerId, gameId, createdAt };
}

function priceOf(amountEur?: string | null, rate?: string | null, ratesAsOf?: string | null): Price | undefined {
  if (typeof amountEur !== "string") return undefined;
  const eurCents = BigInt(amountEur);
  if (typeof rate !== "string") return { eurCents, rate: undefined };
  return { eurCents, rate: { perEur: rate, asOfMs: Date.parse(ratesAsOf ?? "") } };
}

/** An event of a player of whom nothing was known is as one of a player who was not. */
function storedPlayer(email?: string | null, lastSignedInAt?: string | null): Player | undefined {
  const signedInAt = typeof lastSignedInAt === "string" ? new Date(lastSignedInAt) : undefined;
  if (typeof email !== "string" && !signedInAt) return undefined;
  return { ...playerOf([]), email: email ?? undefined, lastSignedInAt: signedInAt };
}
