import type { Clock } from "../../shared/runtime/clock.ts";
import { deadline } from "../../shared/runtime/within.ts";

/** It did not answer in time. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/**
 * What `ask` gives, within `ms`.
 * @param ask gets a signal that is aborted when the time is up
 * @throws {DeadlineExceeded}, or what `ask` throws
 */
export async function callWithDeadline<T>(ms: number, clock: Clock, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = () => {
    const error = new DeadlineExceeded(`no answer within ${ms} ms`);
    over.abort(error);
    return error;
  };
  return await deadline(ask(over.signal), { ms, clock, late });
}

/**
 * The same answer for all who ask at once, and for who asks within `ms` of it: however many look, what is looked at is asked as
 * often as one would. An error is coalesced like an answer.
 */
export function coalesced<T>(ms: number, clock: Clock, ask: () => Promise<T>): () => Promise<T> {
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
