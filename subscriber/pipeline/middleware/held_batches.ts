/** The batches that make no progress, whatever the cause, for health, the page and the other subscribers. */
import type { Delivery, EventQueue } from "../../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { explainStoreError } from "../../../shared/runtime/errors.ts";
import type { Middleware } from "../entry.ts";
import type { Hold } from "./hold.ts";

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
  /** Those that are attempted now; held ones with what the last attempt met. */
  readonly #attempted = new Map<readonly Delivery[], HeldBatch | undefined>();
  readonly #underWay = new Set<HeldBatch>();

  constructor(private readonly clock: Clock) {}

  /** The one that has been held longest; `undefined` when none is. A failed attempt tells more than a slow one. */
  get oldest(): HeldBatch | undefined {
    const slowSince = this.clock.monotonic() - slowMs;
    return oldestOf(this.#attempted.values()) ??
      oldestOf([...this.#underWay].filter(({ since }) => since <= slowSince));
  }

  /** Why the batch of this delivery is held; `undefined` when none of its attempts has failed. */
  problemOf(delivery: Delivery): string | undefined {
    for (const [batch, held] of this.#attempted) if (held && batch.includes(delivery)) return held.problem;
    return undefined;
  }

  /** Around all attempts of the same batch, whole or in parts. */
  readonly attempts: Middleware = (process) => (batch, signal) => {
    this.#attempted.set(batch, undefined);
    return process(batch, signal).finally(() => this.#attempted.delete(batch));
  };

  /** Around what holds a batch, or a part of it, after an attempt that failed. */
  holding(hold: Hold): Hold {
    return (part, error, attempt, signal) => {
      for (const [batch, before] of this.#attempted) {
        if (!batch.includes(part[0]!)) continue;
        const since = before?.since ?? this.clock.monotonic();
        this.#attempted.set(batch, { events: part.length, since, problem: explainStoreError(error) });
      }
      return hold(part, error, attempt, signal);
    };
  }

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

function oldestOf(batches: Iterable<HeldBatch | undefined>): HeldBatch | undefined {
  let oldest: HeldBatch | undefined;
  for (const batch of batches) if (batch && batch.since < (oldest?.since ?? Infinity)) oldest = batch;
  return oldest;
}
