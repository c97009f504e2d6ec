import type { Clock } from "./clock.ts";

export interface Within {
  readonly ms: number;
  readonly clock: Clock;
  /** Ends the wait as well. */
  readonly signal?: AbortSignal;
  /** What is thrown when the time is over. */
  readonly late: () => Error;
}

/**
 * What the promise gives, if it does so in time. What it stands for goes on by itself afterwards, and what it throws then
 * is nobody's any more.
 * @throws what `late` makes, the signal's reason, or what the promise throws
 */
export async function within<T>(promise: Promise<T>, { ms, clock, signal, late }: Within): Promise<T> {
  if (signal?.aborted) {
    promise.catch(() => {});
    throw signal.reason;
  }
  const done = new AbortController();
  const waiting = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
  const over = clock.sleep(ms, waiting).then(() => {
    throw late();
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    done.abort();
  }
}
