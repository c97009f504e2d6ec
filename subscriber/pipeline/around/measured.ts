/** What is noted of each batch for the subscriber's counts and metrics, in three places: at decoding, commit and end. */
import { publishedAtMs } from "../../../shared/rabbitmq/message.ts";
import type { EventQueue } from "../../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { isStored, type Processed, type Wrapper } from "../entry.ts";
import type { Parts } from "../process_batch.ts";
import type { Report } from "../report.ts";
import type { Stats } from "../stats.ts";
import type { RatesNowOrLater } from "../waiting_for_rates.ts";

/** Of a batch that has as many. */
const fewestLatencies = 16;
/** How far the clocks of a publisher and a subscriber may be apart. */
const mostSkewMs = 1_000;

/** What the parts of a subscriber become when they are measured. */
export interface Measured {
  /** Around one attempt: how long it takes, and how old its events are at their commit. */
  readonly attempt: Wrapper;
  /** Around everything: how large the batch was, and what became of it. */
  readonly batch: Wrapper;
  decode(decode: Parts["decode"]): Parts["decode"];
  rates(rates: RatesNowOrLater): RatesNowOrLater;
  report(report: Report): Report;
  queue(queue: EventQueue): EventQueue;
}

export function measured(stats: Stats, clock: Clock): Measured {
  return {
    attempt: (process) => async (deliveries, signal) => {
      const processed = await stats.timed("process", clock, () => process(deliveries, signal));
      observeLatencies(processed, stats, clock.now());
      return processed;
    },
    batch: (process) => async (deliveries, signal) => {
      const processed = await process(deliveries, signal);
      stats.count(processed);
      return processed;
    },
    decode: (decode) => (deliveries) => stats.timed("decode", clock, () => decode(deliveries)),
    rates: (rates) => ({
      current: () => rates.current(),
      get: () => stats.timed("rates", clock, () => rates.get()),
    }),
    report: (report) => (events) => stats.timed("report", clock, () => report(events)),
    queue: (queue) => ({
      take: (limit, signal) => queue.take(limit, signal),
      settle: (settlements, signal) => stats.timed("settle", clock, () => queue.settle(settlements, signal)),
    }),
  };
}

/** Of a large batch only some are looked at: they were published in the order in which they came. */
function observeLatencies(processed: readonly Processed[], stats: Stats, nowMs: number): void {
  const step = Math.max(1, Math.floor(processed.length / fewestLatencies));
  for (let i = 0; i < processed.length; i += step) {
    const entry = processed[i]!;
    const published = isStored(entry) ? publishedAtMs(entry.delivery) : undefined;
    // From the future: the publisher's clock is wrong, by more than clocks that are kept together may be.
    if (published === undefined || published - nowMs > mostSkewMs) continue;
    stats.observer.latency(Math.max(0, nowMs - published));
  }
}
