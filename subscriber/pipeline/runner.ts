/** Takes batches from the queue, processes them, and settles their outcomes. */
import type { Delivery, EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { publishedAtMs } from "../../shared/rabbitmq/message.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { DatabaseGate } from "./database_gate.ts";
import {
  isWaiting,
  type Middleware,
  type Process,
  type Processed,
  requeued,
  type Settled,
  type Work,
} from "./entry.ts";
import type { Permits } from "./permits.ts";
import type { Stats } from "./stats.ts";
import type { WaitingForRates } from "./waiting_for_rates.ts";

export interface RunnerOptions {
  readonly queue: EventQueue;
  /** Processes a batch up to its outcomes. */
  readonly process: Process;
  /** Wraps processing and settling. */
  readonly outermost?: Middleware;
  readonly waiting: WaitingForRates;
  /** Maximum number of deliveries in a batch. */
  readonly batchSize: number;
  readonly permits: Permits;
  readonly stats: Stats;
  readonly gate: Pick<DatabaseGate, "leave">;
  readonly clock: Clock;
  readonly log: Log;
}

export class Runner {
  readonly #finish: Process;
  /** The work under way, oldest first. */
  readonly #inHand = new Map<Promise<void>, Work>();
  #interrupt: { readonly ready: AbortSignal; readonly either: AbortSignal } | undefined;

  constructor(private readonly options: RunnerOptions) {
    const { outermost = (process) => process } = options;
    this.#finish = outermost((deliveries, abandon) => this.#processAndSettle(deliveries, abandon));
  }

  /**
   * Resolves when `stop` is aborted and every taken delivery is settled.
   * @param abandon ends all waits: a batch that does not finish within `lastMomentMs` is requeued
   */
  async run(stop: AbortSignal, abandon: AbortSignal): Promise<void> {
    const { permits } = this.options;
    while (!stop.aborted || this.#inHand.size > 0 || this.options.waiting.size > 0) {
      // While no permit is available, the next batch grows.
      await permits.acquire();
      const deliveries = await this.#next(stop);
      permits.give(deliveries);
      if (deliveries.length > 0) this.#track(this.#finish(deliveries, abandon), deliveries, "in a batch");
      else permits.takeBack(deliveries);
    }
  }

  /** Number of unsettled batches, and of parts of batches that wait for rates or for another queue. */
  get batchesInFlight(): number {
    return this.#inHand.size;
  }

  /** Publication time of the oldest event in hand, in ms since 1970; `undefined` when it is not known. */
  get oldestPublishedAtMs(): number | undefined {
    let oldest: number | undefined;
    for (const { deliveries: [first] } of this.#inHand.values()) {
      const published = first && publishedAtMs(first);
      if (published !== undefined && published < (oldest ?? Infinity)) oldest = published;
    }
    return oldest;
  }

  /** Start of the oldest work under way, in monotonic ms; `undefined` when there is none. */
  get inHandSince(): number | undefined {
    return this.#inHand.values().next().value?.since;
  }

  /** The unsettled work, oldest first, without deliveries that wait for a permit. */
  get inHand(): Iterable<Work> {
    return this.#inHand.values();
  }

  /**
   * Returns deliveries whose wait for rates is over, else deliveries of the queue; none when the loop must check again.
   */
  async #next(stop: AbortSignal): Promise<Delivery[]> {
    const { queue, waiting, batchSize } = this.options;
    const ready = waiting.take(batchSize);
    if (ready.length > 0) return ready;
    if (!stop.aborted) return await queue.take(batchSize, this.#either(stop, waiting.ready));
    // Promise.race of no promises never settles.
    if (this.#inHand.size > 0) await Promise.race(this.#inHand.keys());
    return [];
  }

  /** Keeps the permit until the batch is stored and reported, unless the permit was taken back before. */
  async #processAndSettle(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<Processed[]> {
    const processed = await this.#orRequeue(deliveries, abandon, this.options.process(deliveries, abandon))
      .finally(() => this.options.permits.takeBack(deliveries));
    const { settled, moving, waiting } = byOutcome(processed);
    // Neither part holds a permit or keeps the rest of its batch in memory: a full broker may take no dead letters for
    // long.
    if (moving.length > 0) {
      this.#track(this.options.queue.settle(moving, abandon), moving.map(deliveryOf), "moving to another queue");
    }
    if (waiting.length > 0) {
      const aside = this.options.waiting.setAside(waiting, abandon);
      this.#track(this.#orRequeue(waiting, abandon, aside), waiting, "waiting for rates");
    }
    if (settled.length > 0) await this.options.queue.settle(settled, abandon);
    return processed;
  }

  /** Requeues the deliveries after a fault in our code. The broker counts their deliveries. */
  async #orRequeue<T>(deliveries: readonly Delivery[], abandon: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.options.gate.leave(deliveries);
      await this.options.queue.settle(deliveries.map(requeued), abandon);
      throw error;
    }
  }

  /** Lists the work in `#inHand` until it is done. */
  #track(work: Promise<unknown>, deliveries: readonly Delivery[], doing: Work["doing"]): void {
    const tracked = work.then(() => {}, (error) => this.#failed(error, deliveries.length))
      .finally(() => this.#inHand.delete(tracked));
    this.#inHand.set(tracked, { deliveries, doing, since: this.options.clock.monotonic() });
  }

  #failed(error: unknown, events: number): void {
    const { stats, log } = this.options;
    stats.failures++;
    log.error("A batch failed in an unforeseen way and was requeued", {
      event: "batch.failed",
      events,
      problem: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }

  /** Returns a signal that aborts with either one. Makes a new signal only after a wait for rates has ended. */
  #either(stop: AbortSignal, ready: AbortSignal): AbortSignal {
    if (this.#interrupt?.ready !== ready) this.#interrupt = { ready, either: AbortSignal.any([stop, ready]) };
    return this.#interrupt.either;
  }
}

/** Groups entries by outcome. `moving` entries go to another queue, whose confirm may take long. */
function byOutcome(processed: readonly Processed[]) {
  const [settled, moving, waiting]: [Settled[], Settled[], Delivery[]] = [[], [], []];
  for (const entry of processed) {
    if (isWaiting(entry)) waiting.push(entry.delivery);
    else if (entry.outcome.kind === "dead") moving.push(entry);
    else settled.push(entry);
  }
  return { settled, moving, waiting };
}

function deliveryOf({ delivery }: Settled): Delivery {
  return delivery;
}
