/** Measures each batch for the subscriber's counts and metrics. */
import { publishedAtMs } from "../../../shared/rabbitmq/message.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Parts } from "../edges.ts";
import { isStored, type Middleware, type Processed } from "../entry.ts";
import type { ProcessBatchOptions } from "../process_batch.ts";
import type { Stage, Stats } from "../stats.ts";

/** Minimum number of latencies from a batch with at least this many events. */
const fewestLatencies = 16;
/** Largest clock skew between a publisher and a subscriber. */
const mostSkewMs = 1_000;

type Decode = ProcessBatchOptions["decode"];

export interface Measured {
  /** Wraps one attempt: measures its duration, and the age of its events at the commit. */
  readonly attempt: Middleware;
  /** Wraps all attempts: counts the events and outcomes of the batch. */
  readonly batch: Middleware;
  decode(decode: Decode): Decode;
  parts(parts: Parts): Parts;
}

export function measured(stats: Stats, clock: Clock): Measured {
  async function timed<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const begun = clock.monotonic();
    try {
      return await work();
    } catch (error) {
      stats.errors[stage]++;
      throw error;
    } finally {
      stats.observer.stage(stage, clock.monotonic() - begun);
    }
  }

  return {
    attempt: (process) => async (deliveries, signal) => {
      const processed = await timed("process", () => process(deliveries, signal));
      observeLatencies(processed, stats, clock.now());
      return processed;
    },
    batch: (process) => async (deliveries, signal) => {
      const processed = await process(deliveries, signal);
      stats.count(processed);
      return processed;
    },
    decode: (decode) => (deliveries) => {
      const begun = clock.monotonic();
      const entries = decode(deliveries);
      stats.observer.stage("decode", clock.monotonic() - begun);
      return entries;
    },
    parts: ({ queue, rates, players, store, report }) => ({
      queue: {
        take: (limit, signal) => queue.take(limit, signal),
        settle: (settlements, signal) => timed("settle", () => queue.settle(settlements, signal)),
      },
      rates: {
        current: () => rates.current(),
        get: () => timed("rates", () => rates.get()),
      },
      players,
      store,
      report: (events) => timed("report", () => report(events)),
    }),
  };
}

/** Samples a large batch evenly: its events arrive in the order of publication. */
function observeLatencies(processed: readonly Processed[], stats: Stats, nowMs: number): void {
  const step = Math.max(1, Math.floor(processed.length / fewestLatencies));
  for (let i = 0; i < processed.length; i += step) {
    const entry = processed[i]!;
    const published = isStored(entry) ? publishedAtMs(entry.delivery) : undefined;
    // An event from the future: the publisher's clock is wrong.
    if (published === undefined || published - nowMs > mostSkewMs) continue;
    stats.observer.latency(Math.max(0, nowMs - published));
  }
}
