import type { Clock } from "../../shared/runtime/clock.ts";
import type { StoreFault } from "../../shared/runtime/errors.ts";

/** Since the database has taken one batch, for how long it may refuse others without refusing everything (ms). */
const takesOthersForMs = 600_000;

interface Held {
  readonly problem: string;
  readonly fault: StoreFault;
}

/** Whether the database takes batches. Held batches close it; flow control, health and metrics read it. */
export class DatabaseGate {
  /** By delivery, in the order of the last refusal. */
  readonly #held = new Map<object, Held>();
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
   * Whether what is taken from the queue has a prospect of being stored: also while all that is held is refused, or in doubt, for
   * its own sake, and the database takes others.
   */
  get mayTake(): boolean {
    if (this.isOpen) return true;
    if (this.#takenMs === undefined) return false;
    for (const { fault } of this.#held.values()) if (fault === "away") return false;
    return this.#takenMs >= this.#refusedMs || this.clock.monotonic() - this.#takenMs < takesOthersForMs;
  }

  /**
   * @param batch each of it is held until it {@linkcode leave}s, or until the database takes any batch
   * @param fault what is refused is held until it leaves, whatever becomes of others
   */
  close(batch: readonly object[], problem: string, fault: StoreFault = "away"): void {
    this.refusals++;
    for (const delivery of batch) {
      if (fault !== "away" && this.#held.get(delivery)?.fault !== fault) this.#refusedMs = this.clock.monotonic();
      this.#held.delete(delivery);
      this.#held.set(delivery, { problem, fault });
    }
    this.#problem = problem;
  }

  /** The database has taken a batch. Other held batches are about to be tried again, and close the gate if need be. */
  open(): void {
    if (this.isOpen) return;
    const passing = [...this.#held].filter(([, { fault }]) => fault !== "refused");
    this.leave(passing.map(([delivery]) => delivery));
    // What is in doubt comes back soon, and the database may take nothing else until then.
    if (!this.isOpen || passing.some(([, { fault }]) => fault === "doubtful")) this.takesOthers();
  }

  /** The database takes others than what is held: a batch of them, or a probe. */
  takesOthers(): void {
    this.#takenMs = this.clock.monotonic();
  }

  /** They are no longer held, so their problems no longer count: nothing else would clear them. */
  leave(deliveries: readonly object[]): void {
    if (this.isOpen) return;
    for (const delivery of deliveries) this.#held.delete(delivery);
    this.#problem = [...this.#held.values()].at(-1)?.problem;
    if (this.isOpen) this.#takenMs = undefined;
  }
}
