/** Takes batches from the queue, has each processed, and settles its outcomes. */
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
  /** One batch's whole way, up to its outcomes. */
  readonly process: Process;
  /** Around processing and settling. */
  readonly outermost?: Middleware;
  readonly waiting: WaitingForRates;
  /** Most deliveries in a batch. */
  readonly batchSize: number;
  readonly permits: Permits;
  readonly stats: Stats;
  readonly gate: Pick<DatabaseGate, "leave">;
  readonly clock: Clock;
  readonly log: Log;
}

export class Runner {
  readonly #finish: Process;
  /** The work under way, that first which has been for longest. */
  readonly #inHand = new Map<Promise<void>, Work>();
  #interrupt: { readonly ready: AbortSignal; readonly either: AbortSignal } | undefined;

  constructor(private readonly options: RunnerOptions) {
    const { outermost = (process) => process } = options;
    this.#finish = outermost((deliveries, abandon) => this.#processAndSettle(deliveries, abandon));
  }

  /**
   * Works until `stop` is aborted and every delivery that was taken is settled.
   * @param abandon ends all waiting: a batch that is not finished a moment later is requeued
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

  /** Batches that are not settled yet, and parts of batches that wait for rates or for another queue. */
  get batchesInFlight(): number {
    return this.#inHand.size;
  }

  /** When the oldest event in hand was published, milliseconds since 1970; `undefined` when none tells. */
  get oldestPublishedAtMs(): number | undefined {
    let oldest: number | undefined;
    for (const { deliveries: [first] } of this.#inHand.values()) {
      const published = first && publishedAtMs(first);
      if (published !== undefined && published < (oldest ?? Infinity)) oldest = published;
    }
    return oldest;
  }

  /** Since when the work is under way that has been for longest, monotonic ms; `undefined` when there is none. */
  get inHandSince(): number | undefined {
    return this.#inHand.values().next().value?.since;
  }

  /** What is not settled, but for deliveries that wait for a permit; that first which has been in hand for longest. */
  get inHand(): Iterable<Work> {
    return this.#inHand.values();
  }

  /** Deliveries that have waited for rates, or else those at hand; none when the loop has something else to look at. */
  async #next(stop: AbortSignal): Promise<Delivery[]> {
    const { queue, waiting, batchSize } = this.options;
    const ready = waiting.take(batchSize);
    if (ready.length > 0) return ready;
    if (!stop.aborted) return await queue.take(batchSize, this.#either(stop, waiting.ready));
    // A race of none would never end.
    if (this.#inHand.size > 0) await Promise.race(this.#inHand.keys());
    return [];
  }

  /** Keeps the permit until the batch is stored and reported, unless it was taken back before. */
  async #processAndSettle(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<Processed[]> {
    const processed = await this.#orRequeue(deliveries, abandon, this.options.process(deliveries, abandon))
      .finally(() => this.options.permits.takeBack(deliveries));
    const { settled, moving, waiting } = byOutcome(processed);
    // Neither holds a permit, nor the rest of its batch in memory: a broker that is out of room takes no dead letters for long.
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

  /** After a fault of ours the deliveries go back, and the broker counts how often. */
  async #orRequeue<T>(deliveries: readonly Delivery[], abandon: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.options.gate.leave(deliveries);
      await this.options.queue.settle(deliveries.map(requeued), abandon);
      throw error;
    }
  }

  /** Keeps the work in sight until it is done. */
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

  /** Aborted when one of them is. A new one is made only after deliveries have waited for rates. */
  #either(stop: AbortSignal, ready: AbortSignal): AbortSignal {
    if (this.#interrupt?.ready !== ready) this.#interrupt = { ready, either: AbortSignal.any([stop, ready]) };
    return this.#interrupt.either;
  }
}

/** `moving`: to another queue, whose confirm may take long. */
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
