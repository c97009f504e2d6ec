/** Enriched events as rows of the table `events`. */
import type { Buffer } from "node:buffer";
import { CopyRows, numericBytes } from "../../shared/postgres/copy_rows.ts";
import type { Enriched, Price } from "../pipeline/enriched.ts";

/** The order in which {@linkcode EventRows} writes the fields. */
export const copyStatement = `copy events (
  message_id, event_id, player_id, game_id, type, amount, currency, has_won, created_at,
  rate, rates_as_of, amount_eur, player_email, player_last_signed_in_at, description, subscriber_id
) from stdin (format binary)`;
const fields = 16;

export class EventRows {
  readonly #subscriberId: Uint8Array;
  /** As many as there were windows at once. */
  readonly #free: CopyRows[] = [];
  /** A window has a handful of rates, one for each currency in it. */
  readonly #rates = new WeakMap<NonNullable<Price["rate"]>, Uint8Array>();

  constructor(subscriberId: string) {
    this.#subscriberId = new TextEncoder().encode(subscriberId);
  }

  /** Calls `use` with the rows. Their memory is used again once that went well; after a failure they may still be on their way. */
  async with(events: readonly Enriched[], use: (rows: Buffer) => Promise<void>): Promise<void> {
    const rows = this.#free.pop() ?? new CopyRows();
    rows.begin();
    for (const enriched of events) this.#write(enriched, rows);
    await use(rows.finish());
    this.#free.push(rows);
  }

  #write({ messageId, event, price, player, description }: Enriched, rows: CopyRows): void {
    rows.row(fields);
    rows.uuid(messageId);
    rows.int64(event.id);
    rows.int64(event.playerId);
    if ("gameId" in event) rows.int64(event.gameId);
    else rows.null();
    rows.text(event.type);
    if ("amount" in event) {
      rows.int64(event.amount);
      rows.text(event.currency);
    } else {
      rows.null();
      rows.null();
    }
    if ("hasWon" in event) rows.boolean(event.hasWon);
    else rows.null();
    // Postgres keeps microseconds; the rest is cut, for rounded up it could carry into the next second or year.
    rows.timestamp(event.createdAt.seconds, Math.floor(event.createdAt.nanos / 1000));
    if (price?.rate) {
      rows.raw(this.#rateBytes(price.rate));
      writeMs(price.rate.asOfMs, rows);
    } else {
      rows.null();
      rows.null();
    }
    if (price) rows.int64(price.eurCents);
    else rows.null();
    if (player) rows.text(player.email);
    else rows.null();
    if (player?.lastSignedInAt) writeMs(player.lastSignedInAt.getTime(), rows);
    else rows.null();
    rows.text(description);
    rows.raw(this.#subscriberId);
  }

  #rateBytes(rate: NonNullable<Price["rate"]>): Uint8Array {
    let bytes = this.#rates.get(rate);
    if (!bytes) this.#rates.set(rate, bytes = numericBytes(rate.perEur));
    return bytes;
  }
}

function writeMs(ms: number, rows: CopyRows): void {
  const seconds = Math.floor(ms / 1000);
  rows.timestamp(seconds, (ms - seconds * 1000) * 1000);
}
