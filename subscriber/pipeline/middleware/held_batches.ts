/** The batches that make no progress, whatever the cause, for health, the page and the other subscribers. */
import type { EventQueue } from "../../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { explainStoreError } from "../../../shared/runtime/errors.ts";
import type { Middleware } from "../entry.ts";

/** A batch whose attempts do not fail is held once it has taken this long. */
const slowMs = 10_000;

export interface HeldBatch {
  readonly events: number;
  /** Since when, monotonic ms. */
  readonly since: number;
  /** The last attempt's error, or what the batch waits for. */
  readonly problem: string;
}

export class HeldBatches {
  /** By batch: its last attempt failed, and it is to be tried again. */
  readonly #failing = new Map<object, HeldBatch>();
  readonly #underWay = new Set<HeldBatch>();

  constructor(private readonly clock: Clock) {}

  /** The one that has been held longest; `undefined` when none is. A failed attempt tells more than a slow one. */
  get oldest(): HeldBatch | undefined {
    const slowSince = this.clock.monotonic() - slowMs;
    return oldestOf(this.#failing.values()) ??
      oldestOf([...this.#underWay].filter(({ since }) => since <= slowSince));
  }

  /** Around one attempt. */
  readonly attempt: Middleware = (process) => async (batch, signal) => {
    try {
      return await process(batch, signal);
    } catch (error) {
      const { since } = this.#failing.get(batch) ?? { since: this.clock.monotonic() };
      this.#failing.set(batch, { events: batch.length, since, problem: explainStoreError(error) });
      throw error;
    }
  };

  /** Around all attempts of the same batch. */
  readonly attempts: Middleware = (process) => (batch, signal) =>
    process(batch, signal).finally(() => this.#failing.delete(batch));

  /** Around everything up to the outcomes. */
  readonly whole: Middleware = (process) => (batch, signal) =>
    this.#watch(batch.length, "it is neither stored nor refused", process(batch, signal));

  settling(queue: EventQueue): EventQueue {
    return {
      take: (limit, signal) => queue.take(limit, signal),
      settle: (settlements, signal) =>
        this.#watch(settlements.length, "the broker takes no dead letters", queue.settle(settlements, signal)),
    };
  }

  #watch<T>(events: number, problem: string, work: Promise<T>): Promise<T> {
    const batch = { events, since: this.clock.monotonic(), problem };
    this.#underWay.add(batch);
    return work.finally(() => this.#underWay.delete(batch));
  }
}

function oldestOf(batches: Iterable<HeldBatch>): HeldBatch | undefined {
  let oldest: HeldBatch | undefined;
  for (const batch of batches) if (batch.since < (oldest?.since ?? Infinity)) oldest = batch;
  return oldest;
}
