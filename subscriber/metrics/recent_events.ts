/** The newest stored events of this subscriber, for the page and GET /events. */
import type { Enriched } from "../enriched/enriched.ts";
import { cutTo } from "../../shared/runtime/printable.ts";
import type { Report } from "../pipeline/edges.ts";

/** The most events kept of one batch. Kept events outlive the young generation and cost the garbage collector time. */
const mostOfBatch = 20;
export const mostKept = 500;

/** Longest text of a kept event, in UTF-16 code units. A player's address is whatever text the casino stores. */
const mostOfText = 1_024;

/** Returns the event, or a copy with its long texts cut. */
export function shownOf(enriched: Enriched): Enriched {
  const { description, player } = enriched;
  // The description contains all texts of the event.
  if (description.length <= mostOfText) return enriched;
  return {
    ...enriched,
    description: cutTo(description, mostOfText),
    player: player && { ...player, email: player.email && cutTo(player.email, mostOfText) },
  };
}

/** Receives the events of each batch as they are stored. */
export type Listener = (events: readonly Enriched[]) => void;

export class RecentEvents {
  readonly #kept: (Enriched | undefined)[] = new Array(mostKept).fill(undefined);
  #next = 0;
  readonly #listeners = new Set<Listener>();

  add(events: readonly Enriched[]): void {
    const step = Math.ceil(events.length / mostOfBatch);
    for (let i = 0; i < events.length; i += step) {
      this.#kept[this.#next] = shownOf(events[i]!);
      this.#next = (this.#next + 1) % mostKept;
    }
    for (const listener of this.#listeners) listener(events);
  }

  /** Returns a report that adds the events and then calls `report`. */
  before(report: Report): Report {
    return (events) => {
      this.add(events);
      return report(events);
    };
  }

  /**
   * Forgets the player's events.
   * @returns how many were forgotten
   */
  forget(playerId: bigint): number {
    const all = [...this.newest()].reverse();
    const left = all.filter(({ event }) => event.playerId !== playerId);
    if (left.length === all.length) return 0;
    this.#kept.fill(undefined);
    for (const [i, enriched] of left.entries()) this.#kept[i] = enriched;
    this.#next = left.length % mostKept;
    return all.length - left.length;
  }

  /** Yields up to {@linkcode mostKept} events, newest first. Only some events of a large batch are kept. */
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

  /** @returns a function that ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
