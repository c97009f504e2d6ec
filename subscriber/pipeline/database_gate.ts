/** Whether the database takes batches. Held batches close it; flow control, health and metrics read it. */
export class DatabaseGate {
  /** By delivery that is held, in the order of the last refusal. */
  readonly #problems = new Map<object, string>();
  #problem: string | undefined;
  /** How often the database did not take a batch. */
  refusals = 0;

  /** Why the database does not take events at the moment; `undefined` while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get isOpen(): boolean {
    return this.#problem === undefined;
  }

  /** @param batch each of it is held until it {@linkcode leave}s, or until the database takes any batch */
  close(batch: readonly object[], problem: string): void {
    this.refusals++;
    for (const delivery of batch) {
      this.#problems.delete(delivery);
      this.#problems.set(delivery, problem);
    }
    this.#problem = problem;
  }

  /** The database has taken a batch. Other held batches are about to be tried again, and close the gate if need be. */
  open(): void {
    if (this.isOpen) return;
    this.#problems.clear();
    this.#problem = undefined;
  }

  /** They are no longer held, so their problems no longer count: nothing else would clear them. */
  leave(deliveries: readonly object[]): void {
    if (this.isOpen) return;
    for (const delivery of deliveries) this.#problems.delete(delivery);
    this.#problem = [...this.#problems.values()].at(-1);
  }
}
