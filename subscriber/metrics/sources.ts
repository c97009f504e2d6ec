/** The state of a running subscriber that HTTP reads: for metrics, the page and readiness. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { KeeperState } from "../dead_letters/keeper_state.ts";
import type { DatabaseGate } from "../pipeline/database_gate.ts";
import type { Stats } from "../pipeline/stats.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import type { WatchedRates } from "../rates/source.ts";
import type { Latencies } from "./latencies.ts";
import type { Totals } from "./materialized.ts";
import type { ReadDependencies } from "./probes.ts";
import type { Depths } from "./queue_depths.ts";

/** In this process: read at any time. */
export interface State {
  readonly subscriberId: string;
  /** Over servers, or with everything in one process. */
  readonly mode: "servers" | "embedded";
  readonly gate: DatabaseGate;
  readonly keeper: KeeperState;
  readonly rates: WatchedRates;
  readonly prefetch: number;
  readonly consuming: () => boolean;
  /** Deliveries in hand. */
  readonly unsettled: () => number;
  readonly batchesInFlight: () => number;
  /** When the oldest delivery in hand was published, milliseconds since 1970; `undefined` when there is none. */
  readonly oldestPublishedAtMs: () => number | undefined;
  /** Aborted when the subscriber begins to leave. */
  readonly leaving: AbortSignal;
  readonly clock: Clock;
}

export interface Sources extends State {
  readonly stats: Stats;
  readonly latencies: Latencies;
  /** Never rejects. */
  readonly dependencies: ReadDependencies;
  /** Each of these rejects when its server does not answer. */
  readonly totals: () => Promise<Totals>;
  readonly depths: () => Promise<Depths>;
  /** Dead letters in the table. */
  readonly deadLetters: () => Promise<number>;
  readonly inspectRates: () => Promise<Inspection>;
}

/** Age of the oldest event in hand, in ms; those in the queue are younger. 0 when there is none. */
export function oldestMs({ oldestPublishedAtMs, clock }: Pick<Sources, "oldestPublishedAtMs" | "clock">): number {
  return Math.max(0, clock.now() - (oldestPublishedAtMs() ?? Infinity));
}
