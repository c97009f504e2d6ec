/** {@linkcode SharedRates} in memory, for unit tests, the simulation and the demo without servers. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Rates } from "./rates.ts";
import { type Cached, holderOf, type Inspection, type Life, type Look, type SharedRates } from "./shared_rates.ts";

export class MemoryRates implements SharedRates {
  #stored: { rates: Rates; freshUntil: number; usableUntil: number } | undefined;
  #lock: { token: string | undefined; until: number } | undefined;

  constructor(private readonly clock: Clock) {}

  lookOrLock(token: string, lockTtlMs: number): Promise<Look> {
    const now = this.clock.monotonic();
    const cached = this.#cached(now);
    if (cached && cached.freshMs > 0) return Promise.resolve({ state: "fresh", cached });
    const lock = this.#liveLock(now);
    if (!lock) this.#lock = { token, until: now + lockTtlMs };
    const state = !lock ? "locked" : lock.token === undefined ? "paused" : "held";
    return Promise.resolve({ state, ...(cached && { cached }) });
  }

  write(token: string, rates: Rates, { freshMs, staleMs }: Life): Promise<"written" | "lock-lost" | "older"> {
    const now = this.clock.monotonic();
    if (this.#liveLock(now)?.token !== token) return Promise.resolve("lock-lost");
    const cached = this.#cached(now);
    if (cached && cached.rates.asOfMs > rates.asOfMs) return Promise.resolve("older");
    this.#lock = undefined;
    this.#stored = { rates, freshUntil: now + freshMs, usableUntil: now + freshMs + staleMs };
    return Promise.resolve("written");
  }

  pause(token: string, ms: number): Promise<void> {
    const now = this.clock.monotonic();
    if (this.#liveLock(now)?.token === token) this.#lock = { token: undefined, until: now + ms };
    return Promise.resolve();
  }

  release(token: string): Promise<void> {
    if (this.#liveLock(this.clock.monotonic())?.token === token) this.#lock = undefined;
    return Promise.resolve();
  }

  inspect(): Promise<Inspection> {
    const now = this.clock.monotonic();
    const lock = this.#liveLock(now);
    const token = lock?.token;
    return Promise.resolve({
      cached: this.#cached(now),
      lock: {
        state: !lock ? "free" : token === undefined ? "paused" : "held",
        holder: token === undefined ? undefined : holderOf(token),
        ttlMs: lock ? lock.until - now : 0,
      },
    });
  }

  #cached(now: number): Cached | undefined {
    const stored = this.#stored;
    if (!stored || now >= stored.usableUntil) return undefined;
    return { rates: stored.rates, freshMs: stored.freshUntil - now, usableMs: stored.usableUntil - now };
  }

  #liveLock(now: number): { token: string | undefined; until: number } | undefined {
    return this.#lock && now < this.#lock.until ? this.#lock : undefined;
  }
}
