import type { Clock } from "../../shared/runtime/clock.ts";
import type { Rates } from "./rates.ts";
import type { Cached } from "./shared_rates.ts";

/** Rates in this process, which never outlive those in the cache. */
export class OwnCopy {
  readonly #time: WakefulTime;
  #copy: { readonly rates: Rates; readonly freshUntil: number; readonly usableUntil: number } | undefined;

  constructor(clock: Clock) {
    this.#time = new WakefulTime(clock);
  }

  /** {@linkcode WakefulTime}, in ms. */
  now(): number {
    return this.#time.now();
  }

  /** @param before when the cache was asked: its remaining time counts from then, so that this copy ends first */
  keep({ rates, freshMs, usableMs }: Cached, before: number): void {
    this.#copy = { rates, freshUntil: before + freshMs, usableUntil: before + usableMs };
  }

  get fresh(): Rates | undefined {
    return this.#copy && this.now() < this.#copy.freshUntil ? this.#copy.rates : undefined;
  }

  /** Fresh rates, or stale ones that may still serve. */
  get usable(): Rates | undefined {
    return this.#copy && this.now() < this.#copy.usableUntil ? this.#copy.rates : undefined;
  }

  get state(): Cached | undefined {
    const copy = this.#copy;
    const now = this.now();
    if (!copy || now >= copy.usableUntil) return undefined;
    return { rates: copy.rates, freshMs: copy.freshUntil - now, usableMs: copy.usableUntil - now };
  }
}

/** How far the wall clock may get ahead by being set, before that counts as time in which the machine was suspended. */
const mostSetMs = 1_000;

/**
 * Monotonic time, in ms, that goes on while the machine is suspended. Linux's own stands still then, and rates would outlive
 * their time by as long as the machine slept. The wall clock tells. One that is set ahead looks the same: then rates age too
 * soon, which costs a look at the cache.
 */
export class WakefulTime {
  /** The wall clock's lead over the monotonic one at the last comparison. */
  #lead: number;
  #suspendedMs = 0;

  constructor(private readonly clock: Clock) {
    this.#lead = clock.now() - clock.monotonic();
  }

  now(): number {
    const monotonic = this.clock.monotonic();
    const lead = this.clock.now() - monotonic;
    const ahead = lead - this.#lead;
    if (ahead > mostSetMs) this.#suspendedMs += ahead;
    // A clock that drifts is followed: else weeks of drift would count as a suspension.
    this.#lead = lead;
    return monotonic + this.#suspendedMs;
  }
}
