import type { Delivery } from "../../shared/rabbitmq/delivery.ts";

/** Bounds how many batches are processed at once. */
export class Permits {
  readonly #waiting: (() => void)[] = [];
  /** Batches that have one. */
  readonly #holders = new Set<readonly Delivery[]>();

  constructor(private available: number) {}

  /** Resolves when there is one, which the caller then must {@linkcode give}. */
  acquire(): Promise<void> {
    if (this.available > 0) {
      this.available--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(batch: readonly Delivery[]): void {
    this.#holders.add(batch);
  }

  /** For the next batch. Does nothing to a batch that has none any more. */
  takeBack(batch: readonly Delivery[]): void {
    if (!this.#holders.delete(batch)) return;
    const next = this.#waiting.shift();
    if (next) next();
    else this.available++;
  }
}
