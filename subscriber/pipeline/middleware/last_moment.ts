/** The end of the grace period: a batch that is nearly done is finished, and any other is requeued. */
import { abortable } from "../../../shared/runtime/deadline.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { type Middleware, requeued } from "../entry.ts";

/** Enough for a commit on its way, or a report that somebody reads. */
export const lastMomentMs = 500;

/** @returns the result of the work; `undefined` once the signal is aborted and a last moment is over as well */
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

/** Requeues a batch that takes longer than that: a database may be silent for ever. */
export function lastMoment(clock: Clock): Middleware {
  return (process) => async (deliveries, signal) =>
    await inLastMoment(process(deliveries, signal), signal, clock) ?? deliveries.map(requeued);
}
