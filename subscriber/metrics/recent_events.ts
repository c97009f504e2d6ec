/** The newest stored events of this subscriber, for those who watch. */
import type { Enriched } from "../enriched/enriched.ts";
import type { Report } from "../pipeline/edges.ts";

/** Of each batch, at most: what is kept here outlives the young generation, and costs the garbage collector. */
const mostOfBatch = 20;
export const mostKept = 500;

/** Is given the events of each batch as they are stored. */
export type Listener = (events: readonly Enriched[]) => void;

export class RecentEvents {
  readonly #kept: (Enriched | undefined)[] = new Array(mostKept).fill(undefined);
  #next = 0;
  readonly #listeners = new Set<Listener>();

  add(events: readonly Enriched[]): void {
    const step = Math.ceil(events.length / mostOfBatch);
    for (let i = 0; i < events.length; i += step) {
      this.#kept[this.#next] = events[i];
      this.#next = (this.#next + 1) % mostKept;
    }
    for (const listener of this.#listeners) listener(events);
  }

  /** The report, with a look at what goes by. */
  before(report: Report): Report {
    return (events) => {
      this.add(events);
      return report(events);
    };
  }

  /** Newest first: up to {@linkcode mostKept}, of a large batch only some. */
  *newest(): Generator<Enriched> {
    for (let i = 1; i <= mostKept; i++) {
      const enriched = this.#kept[(this.#next - i + mostKept) % mostKept];
      if (!enriched) return;
      yield enriched;
    }
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
