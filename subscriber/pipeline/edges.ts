/** The interfaces of a subscriber and its pipeline to the outside. */
import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import type { Enriched, Player } from "../enriched/enriched.ts";
import type { RatesApi } from "../rates/client.ts";
import type { Rates } from "../rates/rates.ts";
import type { SharedRates } from "../rates/shared_rates.ts";

/** A subscriber's external dependencies, each real or in memory. A test may wrap one. */
export interface Edges {
  readonly queue: EventQueue;
  readonly shared: SharedRates;
  readonly api: RatesApi;
  readonly players: Players;
  readonly store: Store;
}

/** The pipeline's view of the edges. The pipeline does not know whether rates come from the cache or from the API. */
export interface Parts {
  readonly queue: EventQueue;
  readonly rates: RatesNowOrLater;
  readonly players: Players;
  readonly store: Store;
  readonly report: Report;
}

export interface RatesNowOrLater {
  /** Returns usable rates without waiting; `undefined` when there are none. */
  current(): Rates | undefined;
  /** Waits for rates. @throws {RatesTimeout} when this wait times out */
  get(): Promise<Rates>;
}

export interface Players {
  /** Returns the existing players by id. Reads them for every batch: an event is stored with the data of that time. */
  find(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, Player>>;
}

export interface Store {
  /**
   * Stores all events, or none, and adds the new events to the totals. Skips an event whose message id is already
   * stored or occurs earlier in `events`.
   */
  save(events: readonly Enriched[]): Promise<Saved>;

  /** Saves the events and rolls back. Skips ids that are already stored. @throws the errors of {@linkcode save} */
  dryRun(events: readonly Enriched[]): Promise<void>;
}

export interface Saved {
  /** Number of new events. */
  readonly added: number;
  /** Events that were not new. Nearly always empty. */
  readonly known: ReadonlyMap<Enriched, Known>;
}

/** The stored row with an event's message id: the same event with its stored facts, or a conflict in one sentence. */
export type Known = { readonly stored: Enriched } | { readonly conflict: string };

/** Publishes stored events: after the commit and before the acks. */
export type Report = (events: readonly Enriched[]) => Promise<void>;
