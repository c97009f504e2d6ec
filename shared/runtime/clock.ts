/** Time, passed in, so that tests and simulation can drive it. */
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
