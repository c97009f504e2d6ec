/** The end of the grace period: a batch that finishes within `lastMomentMs` counts, any other batch is requeued. */
import { abortable } from "../../../shared/runtime/deadline.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { type Middleware, requeued } from "../entry.ts";

/** Enough for a commit under way, or for a report whose reader keeps up. */
export const lastMomentMs = 500;

/** Returns the result of the work; `undefined` when the work takes longer than `lastMomentMs` after the abort. */
export async function inLastMoment<T>(work: Promise<T>, signal: AbortSignal, clock: Clock): Promise<T | undefined> {
  try {
    return await abortable(work, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    const done = new AbortController();
    const late = clock.sleep(lastMomentMs, done.signal).then(() => undefined);
    return await Promise.race([work, late]).finally(() => done.abort());
  }
}

/** Requeues a batch that takes longer than `lastMomentMs` after the abort: a database may never answer. */
export function lastMoment(clock: Clock): Middleware {
  return (process) => async (deliveries, signal) =>
    await inLastMoment(process(deliveries, signal), signal, clock) ?? deliveries.map(requeued);
}
