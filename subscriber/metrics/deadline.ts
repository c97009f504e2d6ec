import type { Clock } from "../../shared/runtime/clock.ts";
import { within } from "../../shared/runtime/within.ts";

/** It did not answer in time. */
export class Late extends Error {
  override readonly name = "Late";
}

/**
 * What `ask` gives, within `ms`.
 * @param ask gets a signal that is aborted when the time is up
 * @throws {Late}, or what `ask` throws
 */
export async function askWithin<T>(ms: number, clock: Clock, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = () => {
    const error = new Late(`no answer within ${ms} ms`);
    over.abort(error);
    return error;
  };
  return await within(ask(over.signal), { ms, clock, late });
}

/**
 * The same answer for all who ask at once, and for who asks within `ms` of it: however many look, what is looked at is asked as
 * often as one would. An error is remembered like an answer.
 */
export function remembered<T>(ms: number, clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let last: { promise: Promise<T>; settledAt: number } | undefined;
  return () => {
    if (last && clock.monotonic() - last.settledAt < ms) return last.promise;
    const promise = ask();
    const entry = { promise, settledAt: Infinity };
    const settled = () => entry.settledAt = clock.monotonic();
    promise.then(settled, settled);
    last = entry;
    return promise;
  };
}
