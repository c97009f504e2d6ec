/** The batches that make no progress. Health, the dashboard and the other subscribers show them. */
import type { Delivery, EventQueue } from "../../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { explainStoreError } from "../../../shared/runtime/errors.ts";
import type { Middleware } from "../entry.ts";
import type { Hold } from "./hold.ts";

/** A batch without failed attempts counts as held after this time (ms). */
const slowMs = 10_000;

export interface HeldBatch {
  readonly events: number;
  /** Start of the hold, in monotonic ms. */
  readonly since: number;
  /** The error of the last attempt, or the reason for the wait. */
  readonly problem: string;
}

export class HeldBatches {
  /** The batches with attempts under way. The value is set once an attempt has failed. */
  readonly #attempted = new Map<readonly Delivery[], HeldBatch | undefined>();
  readonly #underWay = new Set<HeldBatch>();

  constructor(private readonly clock: Clock) {}

  /**
   * The longest-held batch; `undefined` when none is held. Failed batches come before slow ones: they name an error.
   */
  get oldest(): HeldBatch | undefined {
    const slowSince = this.clock.monotonic() - slowMs;
    return oldestOf(this.#attempted.values()) ??
      oldestOf([...this.#underWay].filter(({ since }) => since <= slowSince));
  }

  /** Returns why the delivery's batch is held; `undefined` when none of its attempts has failed. */
  problemOf(delivery: Delivery): string | undefined {
    for (const [batch, held] of this.#attempted) if (held && batch.includes(delivery)) return held.problem;
    return undefined;
  }

  /** Wraps all attempts of one batch, whole or in parts. */
  readonly attempts: Middleware = (process) => (batch, signal) => {
    this.#attempted.set(batch, undefined);
    return process(batch, signal).finally(() => this.#attempted.delete(batch));
  };

  /** Wraps a {@linkcode Hold}: records the failed attempt of the batch that contains `part`. */
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

  /** Wraps the work on a batch until its outcomes are known. */
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
