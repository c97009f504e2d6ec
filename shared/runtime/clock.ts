/** Time as a parameter, so that tests and simulation can control it. */
import type { Random } from "./random.ts";

export interface Clock {
  /** Wall clock time in milliseconds since 1970. May jump; for times that people read. */
  now(): number;
  /** Milliseconds since an arbitrary instant. Never jumps; for deadlines and ages. */
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

/** Ticks of background work, in ms. Waking an idle process costs about as much as what it then does. */
const tickMs = 2_000;

/**
 * Sleeps until the tick that is nearest to `ms` from now. Background work of a process thus shares its wake-ups. A loop
 * keeps its period if that is a multiple of a tick, or half a tick.
 * @param ms at least half a tick
 * @returns how late the process woke, in ms
 */
export async function sleepToTick(clock: Clock, ms: number, signal?: AbortSignal): Promise<number> {
  const now = clock.monotonic();
  const grid = Math.min(ms, tickMs);
  const due = Math.round((now + ms) / grid) * grid;
  await clock.sleep(Math.ceil(due - now), signal);
  return Math.max(0, clock.monotonic() - due);
}

/** Exponential backoff in ms: doubles from `first` up to `most`, then takes a random 50 to 100 % of that. */
export interface Backoff {
  readonly first: number;
  readonly most: number;
}

/** Returns the delay in ms before the next attempt. @param attempt the number of failed attempts, 1 or more */
export function backoffMs(attempt: number, { first, most }: Backoff, random: Random): number {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 30));
  // Jitter: members that failed together must not retry together.
  return full * (0.5 + random.next() / 2);
}
