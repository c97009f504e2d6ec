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
   * Stores all events, or none. An event whose message id is stored already is left as it is. Updates the totals by the new
   * events.
   * @returns how many were new
   */
  save(events: readonly Enriched[]): Promise<number>;
}

/** Publishes stored events: after the commit and before the acks. */
export type Report = (events: readonly Enriched[]) => Promise<void>;
