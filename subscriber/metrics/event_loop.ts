import type { Clock } from "../../shared/runtime/clock.ts";

const everyMs = 500;

/** Tells, twice a second, how late a timer has fired. Ends when the signal is aborted. */
export async function watchEventLoop(clock: Clock, onLag: (ms: number) => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const begun = clock.monotonic();
    await clock.sleep(everyMs, stop).catch(() => {});
    if (!stop.aborted) onLag(Math.max(0, clock.monotonic() - begun - everyMs));
  }
}
