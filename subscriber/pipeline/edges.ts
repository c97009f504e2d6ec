/** The interfaces of a subscriber and its pipeline to the outside. */
import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import type { Enriched, Player } from "../enriched/enriched.ts";
import type { RatesApi } from "../rates/client.ts";
import type { Rates } from "../rates/rates.ts";
import type { SharedRates } from "../rates/shared_rates.ts";

/** A subscriber's edges, each real or in memory. A test may wrap one. */
export interface Edges {
  readonly queue: EventQueue;
  readonly shared: SharedRates;
  readonly api: RatesApi;
  readonly players: Players;
  readonly store: Store;
}

/** The pipeline's view of them: rates are rates, wherever they come from. */
export interface Parts {
  readonly queue: EventQueue;
  readonly rates: RatesNowOrLater;
  readonly players: Players;
  readonly store: Store;
  readonly report: Report;
}

export interface RatesNowOrLater {
  /** Rates that can be used now, without waiting. */
  current(): Rates | undefined;
  /** Waits for rates. @throws {RatesTimeout} when the time of this wait is over */
  get(): Promise<Rates>;
}

export interface Players {
  /** The players that exist, by id. Read anew for every batch: an event is stored with what held at that time. */
  find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Player>>;
}

export interface Store {
  /**
   * Stores all events, or none. An event whose message id is stored already is left as it is, and so is a second one under the
   * same id. Updates the totals by the new events.
   */
  save(events: readonly Enriched[]): Promise<Saved>;

  /** Does what {@linkcode save} does, but for ids that are stored already, and undoes it. @throws as that does */
  dryRun(events: readonly Enriched[]): Promise<void>;
}

export interface Saved {
  /** How many were new. */
  readonly added: number;
  /** All others. Nearly always empty. */
  readonly known: ReadonlyMap<Enriched, Known>;
}

/** What is stored under an event's message id: the same event with the facts of its time, or another event, in one sentence. */
export type Known = { readonly stored: Enriched } | { readonly conflict: string };

/** Publishes stored events: after the commit and before the acks. */
export type Report = (events: readonly Enriched[]) => Promise<void>;
