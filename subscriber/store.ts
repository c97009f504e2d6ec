/** Enriched events into Postgres: each window in one statement, and so in one transaction; each event once. */
import { arrayLiteral } from "../shared/array_literal.ts";
import type { Database } from "../shared/postgres.ts";
import type { Timestamp } from "../shared/timestamp.ts";
import { formatTimestamp } from "../shared/timestamp.ts";
import type { Enriched } from "./enriched.ts";

export interface Store {
  /**
   * Stores all events, or none; one whose message id is there already is left as it is. Updates the totals by what is new.
   * @returns how many were new
   */
  save(events: readonly Enriched[]): Promise<number>;
}

/**
 * Rows are inserted in the order of their keys, so that windows that share rows wait for each other and never deadlock.
 * Parameters are arrays in text, one a column: one prepared plan, however many rows.
 */
const saveStatement = `
with incoming as (
  select * from unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::boolean[],
    $9::timestamptz[], $10::numeric[], $11::timestamptz[], $12::bigint[], $13::text[],
    $14::timestamptz[], $15::text[]
  ) as row (
    message_id, event_id, player_id, game_id, type, amount, currency, has_won,
    created_at, rate, rates_as_of, amount_eur, player_email, player_last_signed_in_at, description
  )
), inserted as (
  insert into events (
    message_id, event_id, player_id, game_id, type, amount, currency, has_won,
    created_at, rate, rates_as_of, amount_eur, player_email, player_last_signed_in_at, description, subscriber_id
  )
  select incoming.*, $16 from incoming order by message_id
  on conflict (message_id) do nothing
  returning player_id, type, has_won, amount_eur
), totalled as (
  insert into player_totals as total (player_id, bets, wins, deposits_eur)
  select
    player_id,
    count(*) filter (where type = 'bet'),
    count(*) filter (where has_won),
    coalesce(sum(amount_eur) filter (where type = 'deposit'), 0)
  from inserted
  where type in ('bet', 'deposit')
  group by player_id
  order by player_id
  on conflict (player_id) do update set
    bets = total.bets + excluded.bets,
    wins = total.wins + excluded.wins,
    deposits_eur = total.deposits_eur + excluded.deposits_eur
), counted as (
  insert into event_counts as counts (second, subscriber_id, events)
  select date_trunc('second', now()), $16, count(*) from inserted having count(*) > 0
  on conflict (second, subscriber_id) do update set events = counts.events + excluded.events
)
select count(*)::int as stored from inserted`;

export class PostgresStore implements Store {
  constructor(private readonly database: Database, private readonly subscriberId: string) {}

  async save(events: readonly Enriched[]): Promise<number> {
    const parameters = [...columnsOf(events).map(arrayLiteral), this.subscriberId];
    const [row] = await this.database.query<{ stored: number }>(saveStatement, parameters);
    return row?.stored ?? 0;
  }
}

type Column = (string | null)[];

function columnsOf(events: readonly Enriched[]): Column[] {
  const columns: Column[] = Array.from({ length: 15 }, () => new Array(events.length));
  events.forEach((enriched, row) => {
    rowOf(enriched).forEach((value, column) => columns[column]![row] = value);
  });
  return columns;
}

/**
 * The row as text, in the order of the statement's parameters. Text, because the client binds neither BigInt nor boolean
 * arrays, and cuts times to milliseconds.
 */
function rowOf({ messageId, event, price, player, description }: Enriched): Column {
  return [
    messageId,
    String(event.id),
    String(event.playerId),
    "gameId" in event ? String(event.gameId) : null,
    event.type,
    "amount" in event ? String(event.amount) : null,
    "currency" in event ? event.currency : null,
    "hasWon" in event ? String(event.hasWon) : null,
    toMicroseconds(event.createdAt),
    price?.rate?.perEur ?? null,
    price?.rate ? new Date(price.rate.asOfMs).toISOString() : null,
    price ? String(price.eurCents) : null,
    player?.email ?? null,
    player?.lastSignedInAt?.toISOString() ?? null,
    description,
  ];
}

/** Postgres keeps microseconds and would round the rest up, into the next second or year. */
function toMicroseconds({ seconds, nanos }: Timestamp): string {
  return formatTimestamp({ seconds, nanos: nanos - nanos % 1000 });
}
