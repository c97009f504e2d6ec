import type { Clock } from "../../shared/runtime/clock.ts";

/** How far the wall clock may get ahead by being set, before it is taken for time that the machine was suspended. */
const mostSetMs = 1_000;

/**
 * Monotonic time, in ms, that goes on while the machine is suspended. Linux's own stands still then, and what it dates
 * outlives its time by as long as the machine slept. The wall clock tells; one that is set ahead looks the same, and then
 * things age too soon, which costs a look at the cache.
 */
export class WakefulTime {
  /** The wall clock's lead over the monotonic one, when it was compared last. */
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
    // A clock that drifts is followed, or in weeks it would have been suspended.
    this.#lead = lead;
    return monotonic + this.#suspendedMs;
  }
}
