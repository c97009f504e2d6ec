import type { Clock } from "../../shared/runtime/clock.ts";
import type { StoreFault } from "../../shared/runtime/errors.ts";

/** After the database takes a batch, refusals of other batches leave the queue open for this long (ms). */
const takesOthersForMs = 600_000;

interface Held {
  readonly problem: string;
  readonly fault: StoreFault;
}

/** Whether the database takes batches. Held batches close the gate; flow control, health and metrics read it. */
export class DatabaseGate {
  /** Held deliveries, in the order of their last refusal. */
  readonly #held = new Map<object, Held>();
  #problem: string | undefined;
  /** While deliveries are held: when the database last took other events, and last refused a new delivery. */
  #takenMs: number | undefined;
  #refusedMs = -Infinity;
  /** Failed attempts to store a batch. */
  refusals = 0;

  constructor(private readonly clock: Pick<Clock, "monotonic">) {}

  /** Why the database does not take events; `undefined` while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get isOpen(): boolean {
    return this.#problem === undefined;
  }

  /**
   * Whether the consumer may take deliveries. True while the gate is open. Also true while the database takes other
   * events and refuses only the held ones.
   */
  get mayTake(): boolean {
    if (this.isOpen) return true;
    if (this.#takenMs === undefined) return false;
    for (const { fault } of this.#held.values()) if (fault === "away") return false;
    return this.#takenMs >= this.#refusedMs || this.clock.monotonic() - this.#takenMs < takesOthersForMs;
  }

  /**
   * Holds each delivery of the batch until {@linkcode leave}, or until the database takes any batch.
   * @param fault a `refused` delivery is held until `leave`, even when the database takes other batches
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

  /** Called when the database has taken a batch. The other held batches retry soon, and close the gate if they fail. */
  open(): void {
    if (this.isOpen) return;
    const passing = [...this.#held].filter(([, { fault }]) => fault !== "refused");
    this.leave(passing.map(([delivery]) => delivery));
    // Doubtful deliveries are refused again soon. The database may take nothing else until then.
    if (!this.isOpen || passing.some(([, { fault }]) => fault === "doubtful")) this.takesOthers();
  }

  /** Called when the database takes events other than the held ones: a batch or a probe. */
  takesOthers(): void {
    this.#takenMs = this.clock.monotonic();
  }

  /** Drops deliveries that are no longer held, with their problems. Nothing else would clear those problems. */
  leave(deliveries: readonly object[]): void {
    if (this.isOpen) return;
    for (const delivery of deliveries) this.#held.delete(delivery);
    this.#problem = [...this.#held.values()].at(-1)?.problem;
    if (this.isOpen) this.#takenMs = undefined;
  }
}
