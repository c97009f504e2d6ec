/** The end of the grace period: what is nearly done is still done, and the rest is requeued. */
import { abortable } from "../../../shared/runtime/deadline.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { requeued, type Wrapper } from "../entry.ts";

/** A commit on its way, or a report that somebody reads, is done by then. */
export const lastMomentMs = 500;

/** @returns what the work gives; `undefined` once the signal is aborted and a last moment is over as well */
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

/** Waits for no batch longer than that: a database may be silent for ever. */
export function lastMoment(clock: Clock): Wrapper {
  return (process) => async (deliveries, signal) =>
    await inLastMoment(process(deliveries, signal), signal, clock) ?? deliveries.map(requeued);
}
