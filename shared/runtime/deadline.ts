/** Waits that end: by a deadline, or with a signal. */
import type { Clock } from "./clock.ts";

/** A signal that is never aborted. */
export const never: AbortSignal = new AbortController().signal;

/** Resolves once the signal is aborted; at once if it already is. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * Settles as the promise does, or rejects as soon as the signal is aborted. Leaves no listener on a long-lived signal.
 * @throws the signal's reason
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 *
 * const stop = new AbortController();
 * const waiting = abortable(new Promise(() => {}), stop.signal);
 * stop.abort(new Error("leaving"));
 * await rejects(waiting, /leaving/);
 * ```
 */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {});
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const listener = () => reject(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}

/** Given as a reason: one that abort() makes itself has a stack trace, which costs 50 µs. */
const settledFirst = new Error("settled before the deadline");

/** No answer came in time. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

export interface DeadlineOptions {
  /** Longest wait, milliseconds. */
  readonly ms: number;
  readonly clock: Clock;
  /** Ends the wait as well. */
  readonly signal?: AbortSignal;
  /** Makes the error to throw when the time is over. */
  readonly exceeded: () => Error;
}

/**
 * Settles as the promise does, or rejects when the time is over. The underlying work is not cancelled; its late result or
 * rejection is ignored.
 * @throws what `exceeded` makes, the signal's reason, or what the promise throws
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { systemClock as clock } from "./clock.ts";
 *
 * const exceeded = () => new DeadlineExceeded("no answer within 5 ms");
 * await rejects(deadline(new Promise(() => {}), { ms: 5, clock, exceeded }), DeadlineExceeded);
 * ```
 */
export async function deadline<T>(
  promise: Promise<T>,
  { ms, clock, signal, exceeded }: DeadlineOptions,
): Promise<T> {
  if (signal?.aborted) {
    promise.catch(() => {});
    throw signal.reason;
  }
  const done = new AbortController();
  const waiting = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
  const over = clock.sleep(ms, waiting).then(() => {
    throw exceeded();
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    done.abort(settledFirst);
  }
}

/**
 * Calls `ask`, and gives up after `ms`.
 * @param ask gets a signal that is aborted when the time is over
 * @throws {DeadlineExceeded}, or what `ask` throws
 */
export async function callWithDeadline<T>(
  ms: number,
  clock: Clock,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const exceeded = () => {
    const error = new DeadlineExceeded(`no answer within ${ms} ms`);
    over.abort(error);
    return error;
  };
  return await deadline(ask(over.signal), { ms, clock, exceeded });
}

/** Waits for the promise to settle, however it does, but at most `ms`. @returns whether it settled in time */
export async function settledWithin(ms: number, clock: Clock, promise: Promise<unknown>): Promise<boolean> {
  const settled = new AbortController();
  const late = clock.sleep(ms, settled.signal).then(() => false, () => true);
  try {
    return await Promise.race([promise.then(() => true, () => true), late]);
  } finally {
    settled.abort();
  }
}

/**
 * Coalesces concurrent calls, and caches the result, or the error, for `ms`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { systemClock } from "./clock.ts";
 *
 * let calls = 0;
 * const ask = coalesced(1_000, systemClock, () => Promise.resolve(++calls));
 * deepStrictEqual([...await Promise.all([ask(), ask()]), await ask()], [1, 1, 1]);
 * ```
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
