/** Time, passed in, so that tests and simulation can drive it. */
import type { Random } from "./random.ts";

export interface Clock {
  /** The wall clock, milliseconds since 1970. May jump; for what humans read. */
  now(): number;
  /** Milliseconds since some instant. Never jumps; for deadlines and ages. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", cut);
        resolve();
      }, ms);
      function cut() {
        clearTimeout(timer);
        reject(signal?.reason);
      }
      signal?.addEventListener("abort", cut, { once: true });
    }),
};

/** How long to wait before the next try, in ms: doubling from `first` up to `most`, each time 50 to 100 % of that. */
export interface Backoff {
  readonly first: number;
  readonly most: number;
}

/** @param attempt how many tries have failed; 1 or more */
export function backoffMs(attempt: number, { first, most }: Backoff, random: Random): number {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 30));
  // Half of it is chance: members that failed together must not come back together.
  return full * (0.5 + random.next() / 2);
}
