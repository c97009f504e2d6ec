/** Waiting in tests: for what comes by itself, and never for ever. */
import { systemClock } from "../clock.ts";

const patienceMs = 10_000;

/** Polls until `ask` gives something other than `undefined`; fails by name after 10 s. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  while (performance.now() < giveUpAt) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await systemClock.sleep(20);
  }
  throw new Error(`waited ${patienceMs / 1000} s for ${what}`);
}

/** Gives `wait` a signal that is aborted after a minute; fails by name when it was. */
export async function withinAMinute<T>(what: string, wait: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), 60_000);
  try {
    const result = await wait(late.signal);
    if (late.signal.aborted) throw new Error(`waited a minute for ${what}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}
