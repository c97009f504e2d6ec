import { TagRanges } from "./tag_ranges.ts";

/**
 * Mutex the delivery tags of one channel, settled in any order, into few acks: one `multiple` ack for each run that has
 * no gap below it. What stays behind a gap for long (a delivery that waits for rates) is acked one by one. However long the
 * gap stays, what comes and goes behind it takes neither room nor time.
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
