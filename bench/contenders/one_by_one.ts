/**
 * The same enrichment, one event at a time, as most people write it: one query for the player, one insert, then the
 * ack. The rates are in memory and no totals are kept, so it does less work than our subscriber.
 */
import { checkRates } from "../../subscriber/rates/rates.ts";
import { decodeEvent } from "../../shared/event/protobuf.ts";
import { Connections } from "../../shared/postgres/connections.ts";
import { describe } from "../../subscriber/pipeline/steps/describe.ts";
import { isUnpriced, price } from "../../subscriber/pipeline/steps/price.ts";

const asOfMs = Date.UTC(2024, 5, 28);
const rates = checkRates({
  base: "EUR",
  asOfMs,
  rates: { USD: "1.0705", GBP: "0.84638", NZD: "1.7601", JPY: "171.94", BTC: "0.0000176" },
}, asOfMs);

const longestQueryMs = 60_000;

/** Postgres plans each statement once per connection. */
const findPlayer = { name: "player", text: "select email, last_signed_in_at from players where id = $1" };
const insertEvent = {
  name: "event",
  text: `insert into events (
      message_id, event_id, player_id, game_id, type, amount, currency, has_won, created_at, rate, rates_as_of,
      amount_eur, player_email, player_last_signed_in_at, description, subscriber_id
    ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'one by one')
    on conflict (message_id) do nothing`,
};

/** Uses at most 10 connections to Postgres, which is pg's default. */
export function oneByOne(databaseUrl: string): (messageId: string, body: Uint8Array) => Promise<void> {
  const pool = new Connections(databaseUrl, { name: "one by one", max: 10, timeoutMs: longestQueryMs });
  return async (messageId, body) => {
    const event = decodeEvent(body);
    if (Array.isArray(event)) throw new Error("an invalid event was published");
    const { rows: [player] } = await pool.use(({ client }) =>
      client.query({ ...findPlayer, values: [String(event.playerId)] })
    );
    const cost = price(event, rates);
    if (isUnpriced(cost)) throw new Error(cost.detail);
    const values = [
      messageId,
      String(event.id),
      String(event.playerId),
      "gameId" in event ? String(event.gameId) : null,
      event.type,
      "amount" in event ? String(event.amount) : null,
      "currency" in event ? event.currency : null,
      "hasWon" in event ? event.hasWon : null,
      new Date(event.createdAt.seconds * 1000),
      cost?.rate?.perEur ?? null,
      cost?.rate ? new Date(cost.rate.asOfMs) : null,
      cost ? String(cost.eurCents) : null,
      player?.email ?? null,
      player?.last_signed_in_at ?? null,
      describe(event, cost?.eurCents, player?.email),
    ];
    await pool.use(({ client }) => client.query({ ...insertEvent, values }));
  };
}
