/** {@linkcode DeadLetterAdmin} over a queue in this process. */
import type { Delivery } from "../delivery.ts";
import type { MemoryQueue } from "../memory_queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type DeadLetter, letterOf } from "./dead_letter.ts";
import { isWornOut, matches, replayOf } from "./dead_letter_queue.ts";
import {
  AdminClosed,
  type AdminOptions,
  type DeadLetterAdmin,
  type Listed,
  type ListOptions,
  mostLookedAt,
  type Replays,
} from "./admin.ts";

export interface MemoryAdminOptions {
  readonly queue: Pick<MemoryQueue, "deadLetters" | "publish">;
  readonly clock: Clock;
  /** {@linkcode mostLookedAt} if left out. */
  readonly mostSeen?: number;
}

interface Found {
  readonly delivery: Delivery;
  readonly letter: DeadLetter;
}

export class MemoryDeadLetterAdmin implements DeadLetterAdmin {
  #closed = false;

  constructor(private readonly options: MemoryAdminOptions) {}

  list<T = DeadLetter>(
    { limit, ...options }: ListOptions,
    show: (letter: DeadLetter) => T = (letter) => letter as T,
  ): Promise<Listed<T>> {
    return Promise.try(() => {
      const letters = this.#find(options).slice(0, limit).map(({ letter }) => show(letter));
      return { letters, total: this.options.queue.deadLetters.length };
    });
  }

  replay(options: AdminOptions): Promise<Replays> {
    const { queue, clock } = this.options;
    return Promise.try(() => {
      const found = this.#find(options);
      const curable = found.filter(({ letter }) => !isWornOut(letter));
      this.#remove(curable);
      queue.publish(...curable.map(({ letter }) => replayOf(letter, clock.now())));
      return { replayed: curable.length, refused: found.length - curable.length, failed: 0 };
    });
  }

  drop(options: AdminOptions): Promise<number> {
    return Promise.try(() => {
      const found = this.#find(options);
      this.#remove(found);
      return found.length;
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #find({ filter, signal }: AdminOptions): Found[] {
    signal.throwIfAborted();
    if (this.#closed) throw new AdminClosed();
    const { queue, mostSeen = mostLookedAt } = this.options;
    return queue.deadLetters.slice(0, mostSeen)
      .map((delivery) => ({ delivery, letter: letterOf(delivery) }))
      .filter(({ letter }) => matches(letter, filter));
  }

  /** From the array itself, which the queue goes on filling. */
  #remove(found: readonly Found[]): void {
    const gone = new Set(found.map(({ delivery }) => delivery));
    const { deadLetters } = this.options.queue;
    let kept = 0;
    for (const delivery of deadLetters) if (!gone.has(delivery)) deadLetters[kept++] = delivery;
    deadLetters.length = kept;
  }
}
