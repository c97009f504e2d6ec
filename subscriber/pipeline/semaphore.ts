/** A bound on how much goes on at once; permits are given in the order in which they were asked for. */
export class Semaphore {
  #available: number;
  readonly #waiting: (() => void)[] = [];

  /** @param permits 1 or more */
  constructor(permits: number) {
    this.#available = permits;
  }

  /** Resolves when a permit is the caller's, who releases it. */
  acquire(): Promise<void> {
    if (this.#available > 0) {
      this.#available--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#available++;
  }
}
