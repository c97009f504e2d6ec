/**
 * Turns the delivery tags of one channel, settled in any order, into few acks: one `multiple` ack for each run that has no
 * gap below it. Tags that stay behind a gap for long (below them a delivery waits for rates) are acked one by one. However
 * long the gap stays, the tags that come and go behind it take neither room nor time.
 */
export class AckRuns {
  /** The lowest tag that is not settled. The tags of a channel count up from 1. */
  #lowest = 1;
  /** Settled tags above the gap that the broker is yet to be told of. */
  readonly #waiting = new Set<number>();
  /** Those that it knows already. */
  readonly #known = new TagRanges();

  /** @param ack acks this tag, and with `multiple` all tags below it */
  constructor(private readonly ack: (tag: number, multiple: boolean) => void) {}

  /** The tags are done with. The ack goes out now when nothing below is open, else with a later call. */
  settle(tags: Iterable<number>): void {
    let last = 0;
    let run = 0;
    for (const tag of tags) {
      if (tag !== this.#lowest) {
        this.#waiting.add(tag);
        continue;
      }
      last = tag;
      run++;
      this.#lowest++;
    }
    for (let known;;) {
      if (this.#waiting.delete(this.#lowest)) {
        last = this.#lowest++;
        run++;
      } else if ((known = this.#known.takeFrom(this.#lowest)) !== undefined) this.#lowest = known + 1;
      else break;
    }
    if (run > 0) this.ack(last, run > 1);
  }

  /** The broker was told of this tag by other means than an ack. */
  settledOtherwise(tag: number): void {
    this.#known.add(tag);
    this.settle([]);
  }

  /** How many tags are done with. */
  get settled(): number {
    return this.#lowest - 1 + this.#waiting.size + this.#known.size;
  }

  /** Whether {@linkcode flush} has anything to ack. */
  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Acks one by one what waits behind a gap. */
  flush(): void {
    for (const tag of this.#waiting) {
      this.#known.add(tag);
      this.ack(tag, false);
    }
    this.#waiting.clear();
  }
}

/** A set of delivery tags that takes no more room than it has gaps. */
export class TagRanges {
  /** Of each range without a gap its last tag by its first, and the other way round. */
  readonly #lastOf = new Map<number, number>();
  readonly #firstOf = new Map<number, number>();
  #size = 0;

  /** How many tags. */
  get size(): number {
    return this.#size;
  }

  /** How many ranges. */
  get ranges(): number {
    return this.#lastOf.size;
  }

  /** @param tag one that is not in it yet */
  add(tag: number): void {
    const first = this.#firstOf.get(tag - 1) ?? tag;
    const last = this.#lastOf.get(tag + 1) ?? tag;
    this.#firstOf.delete(tag - 1);
    this.#lastOf.delete(tag + 1);
    this.#lastOf.set(first, last);
    this.#firstOf.set(last, first);
    this.#size++;
  }

  /**
   * Removes the range that begins with this tag.
   * @returns its last tag; `undefined` if none begins there
   */
  takeFrom(first: number): number | undefined {
    const last = this.#lastOf.get(first);
    if (last === undefined) return undefined;
    this.#lastOf.delete(first);
    this.#firstOf.delete(last);
    this.#size -= last - first + 1;
    return last;
  }
}
