/** Whether the database takes batches. Held batches close it; flow control, health and metrics read it. */
export class DatabaseGate {
  /** By held batch, in the order of the last refusal. */
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

  /** @param batch is held until it {@linkcode leave}s, or until the database takes any batch */
  close(batch: object, problem: string): void {
    this.refusals++;
    this.#problems.delete(batch);
    this.#problems.set(batch, problem);
    this.#problem = problem;
  }

  /** The database has taken a batch. Other held batches are about to be tried again, and close the gate if need be. */
  open(): void {
    if (this.isOpen) return;
    this.#problems.clear();
    this.#problem = undefined;
  }

  /** The batch is no longer held, so its problem no longer counts: nothing else would clear it. */
  leave(batch: object): void {
    if (!this.#problems.delete(batch)) return;
    this.#problem = [...this.#problems.values()].at(-1);
  }
}
