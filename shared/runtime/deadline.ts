/** Waits that end by a deadline or a signal. */
import type { Clock } from "./clock.ts";

/** A signal that is never aborted. */
export const never: AbortSignal = new AbortController().signal;

/** Resolves when the signal is aborted; at once if it already is. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * Settles with the promise, or rejects as soon as the signal is aborted. Leaves no listener on a long-lived signal.
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

/** A shared abort reason: the error that abort() creates has a stack trace, which costs 50 µs. */
const settledFirst = new Error("settled before the deadline");

/** The deadline passed without an answer. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

export interface DeadlineOptions {
  /** Timeout in ms. */
  readonly ms: number;
  readonly clock: Clock;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
  /** Creates the error to throw on a timeout. */
  readonly exceeded: () => Error;
}

/**
 * Settles with the promise, or rejects on a timeout. The underlying work is not cancelled; its late result or rejection
 * is ignored.
 * @throws the error of `exceeded`, the signal's reason, or the promise's rejection
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
 * Calls `ask` with a timeout.
 * @param ask gets a signal that is aborted on the timeout
 * @throws {DeadlineExceeded}, or the error of `ask`
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

/** Waits at most `ms` for the promise to resolve or reject. @returns whether it settled in time */
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
