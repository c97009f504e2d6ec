/** A queue of items with takers that wait. */
export class DeliveryBuffer<T> {
  readonly #first = new Fifo<T>();
  readonly #rest = new Fifo<T>();
  readonly #takers = new Set<() => void>();

  get size(): number {
    return this.#first.size + this.#rest.size;
  }

  add(item: T): void {
    this.#rest.add(item);
    this.#wakeAll();
  }

  /** Inserts the item before all added items and after earlier requeued items. */
  requeue(item: T): void {
    this.#first.add(item);
    this.#wakeAll();
  }

  /** Removes and returns the oldest item. */
  next(): T | undefined {
    return this.#first.size > 0 ? this.#first.next() : this.#rest.next();
  }

  /**
   * Takes up to `limit` items, oldest first. Waits for the first, never for more.
   * @returns an empty array once the signal is aborted
   */
  async take(limit: number, signal: AbortSignal): Promise<T[]> {
    while (this.size === 0 && !signal.aborted) await this.#untilWoken(signal);
    const taken: T[] = [];
    while (taken.length < limit && this.size > 0 && !signal.aborted) taken.push(this.next()!);
    return taken;
  }

  /** Yields the items in the order of {@linkcode take}, without removing them. */
  *[Symbol.iterator](): Generator<T> {
    yield* this.#first;
    yield* this.#rest;
  }

  clear(): void {
    this.#first.clear();
    this.#rest.clear();
  }

  #untilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#takers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#takers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  /** Wakes every taker: the first may have been aborted, and the rest re-check. */
  #wakeAll(): void {
    for (const wake of this.#takers) wake();
  }
}

/** A FIFO that rarely moves items; Array.shift() moves all of them. */
class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  add(item: T): void {
    this.#items.push(item);
  }

  next(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head > 1_000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i]!;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
