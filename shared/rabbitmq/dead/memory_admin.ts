/** {@linkcode DeadLetterAdmin} over a queue in this process. */
import { encodeEvent } from "../../event/protobuf.ts";
import type { Delivery } from "../delivery.ts";
import type { MemoryQueue } from "../memory_queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import { causeOf } from "./cause.ts";
import { type DeadLetter, type LetterEdit, letterOf, type Status, statuses } from "./dead_letter.ts";
import { editOf } from "./edit.ts";
import { isWornOut, replayOf } from "./replay.ts";
import {
  AdminClosed,
  type AdminOptions,
  type CauseGroup,
  type DeadLetterAdmin,
  type EditOptions,
  type EditPage,
  type HistoryOptions,
  type LetterHistory,
  type LetterPage,
  type ListOptions,
  matches,
  type Replays,
} from "./admin.ts";

export interface MemoryAdminOptions {
  readonly queue: Pick<MemoryQueue, "deadLetters" | "publish">;
  readonly clock: Clock;
}

const noFate = {
  ...{ previous: undefined, actedBy: undefined, actedAt: undefined, storedBy: undefined, storedAt: undefined },
  claimed: false,
};

interface Found {
  readonly delivery: Delivery;
  readonly letter: DeadLetter & { readonly group: string; readonly cause: string };
}

export class MemoryDeadLetterAdmin implements DeadLetterAdmin {
  #closed = false;
  /** By the letter's place. */
  readonly #edits = new Map<bigint, readonly LetterEdit[]>();
  readonly #dropped = new Set<Delivery>();
  /** The letter's number in order of arrival, from 1. */
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

  /** A replayed letter is gone from this process, with its edits. */
  history({ id, signal }: HistoryOptions): Promise<LetterHistory> {
    return Promise.try(() => {
      const letters = this.#find({ filter: { ids: [id], statuses }, signal }).map(({ letter }) => letter);
      const edits = letters.flatMap(({ fate }) =>
        (this.#edits.get(fate!.id) ?? []).map((edit) => ({ ...edit, letter: fate!.id }))
      );
      return { letters, edits, more: false };
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
      const found = this.#find(options, "dead");
      const curable = found.filter(({ letter }) => !isWornOut(letter));
      this.#remove(curable);
      queue.publish(...curable.map(({ letter }) => replayOf(letter, clock.now())));
      return { replayed: curable.length, refused: found.length - curable.length, failed: 0 };
    });
  }

  drop(options: AdminOptions): Promise<number> {
    return Promise.try(() => {
      const found = this.#find(options, "dead");
      this.#remove(found);
      for (const { delivery } of found) this.#dropped.add(delivery);
      return found.length;
    });
  }

  undo(options: AdminOptions): Promise<number> {
    return Promise.try(() => {
      const found = this.#find(options, "dropped");
      const { deadLetters } = this.options.queue;
      for (const { delivery } of found) this.#dropped.delete(delivery);
      deadLetters.push(...found.map(({ delivery }) => delivery));
      deadLetters.sort((a, b) => this.#placeOf(a) - this.#placeOf(b));
      return found.length;
    });
  }

  edit({ change, preview, limit, after, filter, signal }: EditOptions): Promise<EditPage> {
    return Promise.try(async () => {
      const statuses = ["dead"] as const;
      const { letters, next } = await this.list({ filter: { ...filter, statuses }, signal, limit, after });
      const outcomes = letters.map((letter) => {
        const { event, outcome } = editOf(letter, change);
        const at = new Date(this.options.clock.now()).toISOString();
        const edit = event && { body: encodeEvent(event), event, by: "this process", at };
        if (edit && !preview) this.#edits.set(letter.fate!.id, [...this.#edits.get(letter.fate!.id) ?? [], edit]);
        return outcome;
      });
      return { outcomes, next };
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** @param status the status that the act applies to */
  #find({ filter, signal }: AdminOptions, status?: Status): Found[] {
    signal.throwIfAborted();
    if (this.#closed) throw new AdminClosed();
    const found = (delivery: Delivery, status: Status): Found => {
      const letter = letterOf(delivery);
      const { group, text: cause } = causeOf(letter);
      const id = BigInt(this.#placeOf(delivery));
      const edits = this.#edits.get(id) ?? [];
      const fate = { ...noFate, status, id, edits: edits.length };
      return { delivery, letter: { ...letter, fate, edit: edits.at(-1), group, cause } };
    };
    return [
      ...this.options.queue.deadLetters.map((delivery) => found(delivery, "dead")),
      ...Array.from(this.#dropped, (delivery) => found(delivery, "dropped")),
    ].filter(({ letter }) => matches(letter, { ...filter, ...status && { statuses: [status] } }))
      .sort((a, b) => Number(a.letter.fate!.id - b.letter.fate!.id));
  }

  #placeOf(delivery: Delivery): number {
    const place = this.#places.get(delivery) ?? ++this.#lastPlace;
    this.#places.set(delivery, place);
    return place;
  }

  /** Removes in place: the queue keeps adding to the same array. */
  #remove(found: readonly Found[]): void {
    const gone = new Set(found.map(({ delivery }) => delivery));
    const { deadLetters } = this.options.queue;
    let kept = 0;
    for (const delivery of deadLetters) if (!gone.has(delivery)) deadLetters[kept++] = delivery;
    deadLetters.length = kept;
  }
}
