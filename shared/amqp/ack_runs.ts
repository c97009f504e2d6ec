/**
 * Turns the delivery tags of one channel, settled in any order, into few acks: one `multiple` ack for each run that has
 * no gap below it. What stays behind a gap for long (a delivery that waits for rates) is acked one by one.
 */
export class AckRuns {
  /** The lowest tag that is not settled. The tags of a channel count up from 1. */
  #lowest = 1;
  /** Settled tags above the gap; `true`: the broker knows already. */
  readonly #behindGap = new Map<number, boolean>();
  #waiting = 0;

  /** @param ack acks this tag, and with `multiple` all tags below it */
  constructor(private readonly ack: (tag: number, multiple: boolean) => void) {}

  /** The tags are done with. The ack goes out now when nothing below is open, else with a later call. */
  settle(tags: Iterable<number>): void {
    let last = 0;
    let run = 0;
    for (const tag of tags) {
      if (tag !== this.#lowest) {
        this.#behindGap.set(tag, false);
        this.#waiting++;
        continue;
      }
      last = tag;
      run++;
      this.#lowest++;
    }
    for (let known; (known = this.#behindGap.get(this.#lowest)) !== undefined; this.#lowest++) {
      this.#behindGap.delete(this.#lowest);
      if (known) continue;
      this.#waiting--;
      last = this.#lowest;
      run++;
    }
    if (run > 0) this.ack(last, run > 1);
  }

  /** The broker was told of this tag by other means than an ack. */
  settledOtherwise(tag: number): void {
    this.#behindGap.set(tag, true);
    this.settle([]);
  }

  /** How many tags are done with. */
  get settled(): number {
    return this.#lowest - 1 + this.#behindGap.size;
  }

  /** Whether {@linkcode flush} has anything to ack. */
  get waiting(): boolean {
    return this.#waiting > 0;
  }

  /** Acks one by one what waits behind a gap. */
  flush(): void {
    for (const [tag, known] of this.#behindGap) {
      if (known) continue;
      this.#behindGap.set(tag, true);
      this.ack(tag, false);
    }
    this.#waiting = 0;
  }
}
