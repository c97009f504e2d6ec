/** Wires one subscriber from its edges, for the process, the demo, the simulation and the tests. */
import { createFlow, type FlowOptions } from "./pipeline/flow.ts";
import type { Edges, Report } from "./pipeline/edges.ts";
import { noSpans, type Spans } from "./pipeline/middleware/traced.ts";
import type { Runner } from "./pipeline/runner.ts";
import { RatesSource, type RatesTimes } from "./rates/source.ts";

/**
 * A batch is read and priced while the previous one commits. A third batch costs Postgres an eighth more:
 * bench/README.md.
 */
export const batchesInFlight = 2;

export interface SubscriberOptions extends Omit<FlowOptions, "batchesInFlight" | "outermost"> {
  /** Maximum number of batches that are processed at once; two by default. */
  readonly batchesInFlight?: number;
  readonly subscriberId: string;
  readonly ratesTimes: RatesTimes;
  readonly report: Report;
  readonly spans?: Spans;
  /** Ends all waits for rates. */
  readonly abandon: AbortSignal;
}

export interface Subscriber {
  readonly rates: RatesSource;
  readonly runner: Runner;
}

/**
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { MemoryQueue } from "../shared/rabbitmq/memory_queue.ts";
 * import { systemClock as clock } from "../shared/runtime/clock.ts";
 * import { systemRandom as random } from "../shared/runtime/random.ts";
 * import { silentLog as log } from "../shared/runtime/telemetry/log.ts";
 * import { bet, deliveryOf, someRates } from "../tests/fixtures/deliveries.ts";
 * import { MemoryDatabase } from "../tests/fixtures/memory_edges.ts";
 * import { DatabaseGate } from "./pipeline/database_gate.ts";
 * import { Stats } from "./pipeline/stats.ts";
 * import { MemoryRates } from "./rates/memory_rates.ts";
 *
 * const [queue, database, stop] = [new MemoryQueue(), new MemoryDatabase(), new AbortController()];
 * const api = { fetch: () => Promise.resolve(someRates) };
 * const ratesTimes = { RATES_TTL_MS: 60_000, RATES_LOCK_TTL_MS: 3_000, RATES_WAIT_MS: 5_000, RATES_MAX_STALE_MS: 0 };
 * const { runner } = createSubscriber(
 *   { queue, shared: new MemoryRates(clock), api, players: database, store: database },
 *   {
 *     ...{ subscriberId: "a", batchSize: 10, ratesTimes, stats: new Stats(), gate: new DatabaseGate(clock) },
 *     ...{ clock, random, log, abandon: stop.signal },
 *     report: (events) => Promise.resolve(events.length === 1 ? stop.abort() : undefined),
 *   },
 * );
 * queue.publish(deliveryOf(bet()));
 * await runner.run(stop.signal, new AbortController().signal);
 * deepStrictEqual(Array.from(database.events.values(), ({ price }) => price?.eurCents), [467n]);
 * ```
 */
export function createSubscriber(edges: Edges, options: SubscriberOptions): Subscriber {
  const { subscriberId: holder, ratesTimes: times, abandon: signal, report, spans = noSpans } = options;
  const { queue, shared, api, players, store } = edges;
  const rates = new RatesSource({ ...options, shared, api: spans.api(api), holder, times, signal });
  const parts = spans.parts({ queue, rates, players, store, report });
  const runner = createFlow(parts, { batchesInFlight, ...options, outermost: spans.batch });
  return { rates, runner };
}
