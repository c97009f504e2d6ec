import type { Clock } from "../../shared/runtime/clock.ts";

/** Since the database has taken one batch, for how long it may refuse others without refusing everything (ms). */
const takesOthersForMs = 600_000;

/** Whether the database takes batches. Held batches close it; flow control, health and metrics read it. */
export class DatabaseGate {
  /** By delivery that is held, in the order of the last refusal. */
  readonly #problems = new Map<object, string>();
  /** Those of them that were refused: that the database takes others says nothing for them. */
  readonly #refused = new Set<object>();
  #problem: string | undefined;
  /** While something is held: when the database last took others, and when it last refused one that it had not before. */
  #takenMs: number | undefined;
  #refusedMs = -Infinity;
  /** How often the database did not take a batch. */
  refusals = 0;

  constructor(private readonly clock: Pick<Clock, "monotonic">) {}

  /** Why the database does not take events at the moment; `undefined` while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get isOpen(): boolean {
    return this.#problem === undefined;
  }

  /**
   * Whether what is taken from the queue has a prospect of being stored: also while all that is held is refused for its own
   * sake, and the database takes others.
   */
  get mayTake(): boolean {
    if (this.isOpen) return true;
    if (this.#takenMs === undefined || this.#problems.size > this.#refused.size) return false;
    return this.#takenMs >= this.#refusedMs || this.clock.monotonic() - this.#takenMs < takesOthersForMs;
  }

  /**
   * @param batch each of it is held until it {@linkcode leave}s, or until the database takes any batch
   * @param isRefused the database answers, and does not want it: it is held until it leaves, whatever becomes of others
   */
  close(batch: readonly object[], problem: string, isRefused = false): void {
    this.refusals++;
    for (const delivery of batch) {
      this.#problems.delete(delivery);
      this.#problems.set(delivery, problem);
      if (isRefused && !this.#refused.has(delivery)) this.#refusedMs = this.clock.monotonic();
      if (isRefused) this.#refused.add(delivery);
      else this.#refused.delete(delivery);
    }
    this.#problem = problem;
  }

  /** The database has taken a batch. Other held batches are about to be tried again, and close the gate if need be. */
  open(): void {
    if (this.isOpen) return;
    this.#takenMs = this.clock.monotonic();
    this.leave([...this.#problems.keys()].filter((delivery) => !this.#refused.has(delivery)));
  }

  /** They are no longer held, so their problems no longer count: nothing else would clear them. */
  leave(deliveries: readonly object[]): void {
    if (this.isOpen) return;
    for (const delivery of deliveries) {
      this.#problems.delete(delivery);
      this.#refused.delete(delivery);
    }
    this.#problem = [...this.#problems.values()].at(-1);
    if (this.isOpen) this.#takenMs = undefined;
  }
}
