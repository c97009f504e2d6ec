import type { EventQueue } from "../../shared/rabbitmq/delivery.ts";
import type { Store } from "./process_batch.ts";
import type { Players } from "./steps/steps.ts";
import type { RatesApi } from "../rates/client.ts";
import type { SharedRates } from "../rates/shared_rates.ts";

/** A subscriber's edges to the outside, each real or in memory. A test may put something around one. */
export interface Edges {
  readonly queue: EventQueue;
  readonly shared: SharedRates;
  readonly api: RatesApi;
  readonly players: Players;
  readonly store: Store;
}
