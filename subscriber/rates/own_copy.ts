import type { Clock } from "../../shared/runtime/clock.ts";
import type { Rates } from "./rates.ts";
import type { Cached } from "./shared_rates.ts";

/** This process's copy of the rates. It never outlives the cached value. */
export class OwnCopy {
  readonly #time: WakefulTime;
  #copy: { readonly rates: Rates; readonly freshUntil: number; readonly usableUntil: number } | undefined;

  constructor(clock: Clock) {
    this.#time = new WakefulTime(clock);
  }

  /** Returns the {@linkcode WakefulTime}, in ms. */
  now(): number {
    return this.#time.now();
  }

  /**
   * @param before time before the request to the cache: the remaining ms count from then, so that the
   * copy expires first
   */
  keep({ rates, freshMs, usableMs }: Cached, before: number): void {
    this.#copy = { rates, freshUntil: before + freshMs, usableUntil: before + usableMs };
  }

  get fresh(): Rates | undefined {
    return this.#copy && this.now() < this.#copy.freshUntil ? this.#copy.rates : undefined;
  }

  /** Fresh rates, or stale rates within RATES_MAX_STALE_MS. */
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

/** A larger jump of the wall clock (ms) counts as a suspension of the machine. */
const mostSetMs = 1_000;

/**
 * Monotonic time, in ms, that goes on while the machine is suspended. Linux's monotonic clock stops during a
 * suspension, so rates would live too long. A jump of the wall clock shows the suspension. Setting the wall clock ahead
 * looks the same: rates then expire too early, which costs one look at the cache.
 */
export class WakefulTime {
  /** The wall clock's lead over the monotonic clock at the last call. */
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
    // Follow clock drift: otherwise weeks of drift would count as a suspension.
    this.#lead = lead;
    return monotonic + this.#suspendedMs;
  }
}
