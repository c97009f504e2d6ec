/** Wires one subscriber over its edges: for the process, the demo, the simulation and the tests. */
import { createFlow, type FlowOptions } from "./pipeline/flow.ts";
import type { Edges, Report } from "./pipeline/edges.ts";
import { noSpans, type Spans } from "./pipeline/middleware/traced.ts";
import type { Runner } from "./pipeline/runner.ts";
import { RatesSource, type RatesTimes } from "./rates/source.ts";

/** The next batch is read and priced while the one before commits. A third costs Postgres an eighth more: bench/README.md. */
export const batchesInFlight = 2;

export interface SubscriberOptions extends Omit<FlowOptions, "batchesInFlight" | "outermost"> {
  readonly subscriberId: string;
  readonly ratesTimes: RatesTimes;
  readonly report: Report;
  readonly spans?: Spans;
  /** Ends all waiting for rates. */
  readonly abandon: AbortSignal;
}

export interface Subscriber {
  readonly rates: RatesSource;
  readonly runner: Runner;
}

export function createSubscriber(edges: Edges, options: SubscriberOptions): Subscriber {
  const { subscriberId: holder, ratesTimes: times, abandon: signal, report, spans = noSpans } = options;
  const { queue, shared, api, players, store } = edges;
  const rates = new RatesSource({ ...options, shared, api: spans.api(api), holder, times, signal });
  const parts = spans.parts({ queue, rates, players, store, report });
  const runner = createFlow(parts, { ...options, batchesInFlight, outermost: spans.batch });
  return { rates, runner };
}
