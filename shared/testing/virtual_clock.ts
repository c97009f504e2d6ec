import { setImmediate } from "node:timers";
import type { Clock } from "../clock.ts";

interface Sleeper {
  readonly wakesAt: number;
  wake(): void;
}

/** A clock that stands still until it is told to advance. */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #wall: number;
  readonly #sleepers = new Set<Sleeper>();

  /** @param startMs the wall clock at first, milliseconds since 1970 */
  constructor(startMs: number = Date.UTC(2024, 6, 1)) {
    this.#wall = startMs;
  }

  now(): number {
    return this.#wall + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = {
        wakesAt: this.#elapsed + Math.max(0, ms),
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener("abort", cut);
          resolve();
        },
      };
      const cut = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", cut, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** How many sleeps are not over. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /**
   * Moves time on, and ends the sleeps that are over by then, in the order of their ends: after each, what waited for it
   * runs at its time, and may sleep again.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await settled();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#elapsed = next.wakesAt;
      next.wake();
      await settled();
    }
    this.#elapsed = until;
  }

  /** Sets the wall clock forward, or back where negative; {@linkcode monotonic} and the sleeps do not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #next(until: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakesAt <= until && (!next || sleeper.wakesAt < next.wakesAt)) next = sleeper;
    }
    return next;
  }
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
