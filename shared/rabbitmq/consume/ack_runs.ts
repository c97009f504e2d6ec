/**
 * Turns the delivery tags of one channel, settled in any order, into few acks: one `multiple` ack for each run of tags
 * without a gap below it. Tags above a gap, where a delivery waits for rates, are acked one by one by {@linkcode
 * AckRuns.flush}. A gap that stays open costs neither memory nor time for the tags that are acked above it.
 */
export class AckRuns {
  /** The lowest unsettled tag. Tags of a channel count up from 1. */
  #lowest = 1;
  /** Settled tags above the gap that are not acked yet. */
  readonly #waiting = new Set<number>();
  /** Settled tags above the gap that are already acked or nacked. */
  readonly #known = new TagRanges();

  /** @param ack acks the tag and, with `multiple`, all tags below it */
  constructor(private readonly ack: (tag: number, multiple: boolean) => void) {}

  /** Settles the tags. Acks them now if all lower tags are settled, otherwise in a later call. */
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

  /** Records that the tag was settled by a nack. */
  settledOtherwise(tag: number): void {
    this.#known.add(tag);
    this.settle([]);
  }

  get settled(): number {
    return this.#lowest - 1 + this.#waiting.size + this.#known.size;
  }

  /** Whether {@linkcode flush} has anything to ack. */
  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Acks the waiting tags above a gap one by one. */
  flush(): void {
    for (const tag of this.#waiting) {
      this.#known.add(tag);
      this.ack(tag, false);
    }
    this.#waiting.clear();
  }
}

/** A set of delivery tags, stored as ranges: its memory grows with the number of gaps. */
export class TagRanges {
  /** Each range's last tag by its first tag, and the first by the last. */
  readonly #lastOf = new Map<number, number>();
  readonly #firstOf = new Map<number, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get ranges(): number {
    return this.#lastOf.size;
  }

  /** @param tag a tag that is not in the set */
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
   * @returns the range's last tag; `undefined` if no range begins there
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
