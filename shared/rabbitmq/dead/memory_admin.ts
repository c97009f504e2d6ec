/** {@linkcode DeadLetterAdmin} over a queue in this process. */
import type { Delivery } from "../delivery.ts";
import type { MemoryQueue } from "../memory_queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import { causeOf } from "./cause.ts";
import { type DeadLetter, letterOf } from "./dead_letter.ts";
import { isWornOut, replayOf } from "./replay.ts";
import {
  AdminClosed,
  type AdminOptions,
  type CauseGroup,
  type DeadLetterAdmin,
  type LetterPage,
  type ListOptions,
  matches,
  type Replays,
} from "./admin.ts";

export interface MemoryAdminOptions {
  readonly queue: Pick<MemoryQueue, "deadLetters" | "publish">;
  readonly clock: Clock;
}

interface Found {
  readonly delivery: Delivery;
  readonly letter: DeadLetter & { readonly group: string; readonly cause: string };
}

export class MemoryDeadLetterAdmin implements DeadLetterAdmin {
  #closed = false;
  /** Which letter of all that there ever were, from 1. */
  readonly #places = new WeakMap<Delivery, number>();
  #lastPlace = 0;

  constructor(private readonly options: MemoryAdminOptions) {}

  list({ limit, order = "oldest", after, ...options }: ListOptions): Promise<LetterPage> {
    return Promise.try(() => {
      const found = this.#find(options).map(({ delivery, letter }) => ({ letter, place: this.#places.get(delivery)! }));
      const ordered = order === "newest" ? found.reverse() : found;
      const rest = ordered.filter(({ place }) =>
        after === undefined || (order === "newest" ? place < Number(after) : place > Number(after))
      );
      const page = rest.slice(0, limit);
      const next = rest.length > limit ? String(page.at(-1)!.place) : undefined;
      return { letters: page.map(({ letter }) => letter), total: this.options.queue.deadLetters.length, next };
    });
  }

  groups(options: AdminOptions): Promise<readonly CauseGroup[]> {
    return Promise.try(() => {
      const groups = Map.groupBy(this.#find(options).map(({ letter }) => letter), ({ group }) => group);
      return Array.from(groups, ([group, letters]) => {
        const { reason, cause, messageId, detail } = letters.at(-1)!;
        const times = letters.map(({ lastFailedAt }) => lastFailedAt).filter((time) => time !== undefined).sort();
        const [firstAt, lastAt] = [times[0], times.at(-1)];
        return { group, reason, cause, letters: letters.length, firstAt, lastAt, sample: { messageId, detail } };
      }).sort((a, b) => b.letters - a.letters);
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
    return this.options.queue.deadLetters
      .map((delivery) => {
        if (!this.#places.has(delivery)) this.#places.set(delivery, ++this.#lastPlace);
        const letter = letterOf(delivery);
        const { group, text: cause } = causeOf(letter);
        return { delivery, letter: { ...letter, group, cause } };
      })
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
