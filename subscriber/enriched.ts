import type { Event } from "../shared/event.ts";
import { type EventJson, eventToJson, type JsonInteger, jsonInteger } from "../shared/event_json.ts";
import type { Player } from "./players.ts";

/** An event with all that is known of it: what is stored and reported. */
export interface Enriched {
  readonly messageId: string;
  readonly event: Event;
  /** Given for bets and deposits. */
  readonly price: Price | undefined;
  /** Given when the player is known. */
  readonly player: Player | undefined;
  readonly description: string;
}

/** What an amount is worth in EUR, and by which rate. */
export interface Price {
  readonly eurCents: bigint;
  /** How much of the currency 1 EUR bought, in exact decimal digits, and when; `undefined` for amounts in EUR. */
  readonly rate: { readonly perEur: string; readonly asOfMs: number } | undefined;
}

interface EnrichedJson extends EventJson {
  /** Cents. */
  amount_eur?: JsonInteger;
  player?: { email: string; last_signed_in_at?: string };
  description: string;
}

export function enrichedToJson({ event, price, player, description }: Enriched): EnrichedJson {
  return {
    ...eventToJson(event),
    ...(price && { amount_eur: jsonInteger(price.eurCents) }),
    ...(player && {
      player: {
        email: player.email,
        ...(player.lastSignedInAt && { last_signed_in_at: player.lastSignedInAt.toISOString() }),
      },
    }),
    description,
  };
}
