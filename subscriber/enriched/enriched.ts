import type { Event } from "../../shared/event/event.ts";

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

/** What the casino's own table says of a player. */
export interface Player {
  readonly email: string;
  readonly lastSignedInAt: Date | undefined;
}
