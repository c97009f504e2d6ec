import type { Delivery } from "../../shared/rabbitmq/delivery.ts";

/** Bounds how many batches are processed at once. */
export class Permits {
  readonly #waiting: (() => void)[] = [];
  /** Batches that hold a permit. */
  readonly #holders = new Set<readonly Delivery[]>();

  constructor(private available: number) {}

  /** Resolves when a permit is available. The caller must then {@linkcode give} it to a batch. */
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

  /** Frees the permit of the batch for the next one. Does nothing when the batch holds no permit. */
  takeBack(batch: readonly Delivery[]): void {
    if (!this.#holders.delete(batch)) return;
    const next = this.#waiting.shift();
    if (next) next();
    else this.available++;
  }
}
