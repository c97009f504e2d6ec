import { setImmediate } from "node:timers";
import type { Clock } from "../clock.ts";

interface Sleeper {
  readonly wakesAt: number;
  /** Of two that end at once, the one that began first wakes first. */
  readonly turn: number;
  /** It has been woken or cut short; it leaves the queue when its turn comes. */
  over: boolean;
  wake(): void;
}

/** A clock that stands still until it is told to advance. */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #wall: number;
  /** How far {@linkcode jump} has set the wall clock forward in all: to a process the same as having been suspended. */
  setAheadMs = 0;
  /** A binary heap: the next to wake is the first. */
  readonly #queue: Sleeper[] = [];
  #turn = 0;
  #sleeping = 0;

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
      const sleeper: Sleeper = {
        wakesAt: this.#elapsed + Math.max(0, ms),
        turn: this.#turn++,
        over: false,
        wake: () => {
          end();
          resolve();
        },
      };
      const end = () => {
        sleeper.over = true;
        this.#sleeping--;
        signal?.removeEventListener("abort", cut);
      };
      const cut = () => {
        end();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", cut, { once: true });
      this.#sleeping++;
      this.#enqueue(sleeper);
    });
  }

  /** How many sleeps are not over. */
  get sleepers(): number {
    return this.#sleeping;
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
    this.setAheadMs += Math.max(0, ms);
  }

  /** Takes the next to wake out of the queue, if it wakes by then. */
  #next(until: number): Sleeper | undefined {
    const queue = this.#queue;
    while (queue[0]?.over) this.#dequeue();
    return queue[0] && queue[0].wakesAt <= until ? this.#dequeue() : undefined;
  }

  #enqueue(sleeper: Sleeper): void {
    const queue = this.#queue;
    let at = queue.length;
    for (let above; at > 0 && isBefore(sleeper, queue[above = (at - 1) >> 1]!); at = above) queue[at] = queue[above]!;
    queue[at] = sleeper;
  }

  #dequeue(): Sleeper {
    const queue = this.#queue;
    const first = queue[0]!;
    const last = queue.pop()!;
    if (queue.length === 0) return first;
    let at = 0;
    for (let below; (below = 2 * at + 1) < queue.length; at = below) {
      if (below + 1 < queue.length && isBefore(queue[below + 1]!, queue[below]!)) below++;
      if (!isBefore(queue[below]!, last)) break;
      queue[at] = queue[below]!;
    }
    queue[at] = last;
    return first;
  }
}

function isBefore(one: Sleeper, other: Sleeper): boolean {
  return one.wakesAt < other.wakesAt || (one.wakesAt === other.wakesAt && one.turn < other.turn);
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
