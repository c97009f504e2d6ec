/** Takes batches from the queue, has each processed, and settles what became of it. */
import type { Delivery, EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { publishedAtMs } from "../../shared/rabbitmq/message.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { isWaiting, type Process, type Processed, requeued, type Settled, type Wrapper } from "./entry.ts";
import { Semaphore } from "./semaphore.ts";
import type { Stats } from "./stats.ts";
import type { WaitingForRates } from "./waiting_for_rates.ts";

export interface RunnerOptions {
  readonly queue: EventQueue;
  /** One batch's whole way, up to its outcomes. */
  readonly process: Process;
  /** Around all that is done for a batch, its settling as well: a span. */
  readonly around?: Wrapper;
  readonly waiting: WaitingForRates;
  /** Most deliveries in a batch. */
  readonly batchSize: number;
  /** Most batches that are processed at once. */
  readonly batchesInFlight: number;
  readonly stats: Stats;
  readonly log: Log;
}

export class Runner {
  readonly #permits: Semaphore;
  readonly #finish: Process;
  /** What is under way, and when its oldest event was published. */
  readonly #inHand = new Map<Promise<void>, number | undefined>();
  #interrupt: { readonly ready: AbortSignal; readonly either: AbortSignal } | undefined;

  constructor(private readonly options: RunnerOptions) {
    this.#permits = new Semaphore(options.batchesInFlight);
    const { around = (process) => process } = options;
    this.#finish = around((deliveries, abandon) => this.#processAndSettle(deliveries, abandon));
  }

  /**
   * Works until `stop` is aborted and all that was taken is settled.
   * @param abandon ends all waiting: what is not finished a moment later is requeued
   */
  async run(stop: AbortSignal, abandon: AbortSignal): Promise<void> {
    while (!stop.aborted || this.#inHand.size > 0 || this.options.waiting.size > 0) {
      // While no permit is available, the next batch grows.
      await this.#permits.acquire();
      const deliveries = await this.#next(stop);
      if (deliveries.length > 0) this.#track(this.#finish(deliveries, abandon), deliveries);
      else this.#permits.release();
    }
  }

  /** Batches that are not settled yet, and parts of batches that wait for rates or for another queue. */
  get batchesInFlight(): number {
    return this.#inHand.size;
  }

  /** When the oldest event in hand was published, milliseconds since 1970; `undefined` when there is none, or none that tells. */
  get oldestPublishedAtMs(): number | undefined {
    let oldest: number | undefined;
    for (const published of this.#inHand.values()) {
      if (published !== undefined && published < (oldest ?? Infinity)) oldest = published;
    }
    return oldest;
  }

  /** What has waited for rates, or else what is at hand; none when something else is to be looked at first. */
  async #next(stop: AbortSignal): Promise<Delivery[]> {
    const { queue, waiting, batchSize } = this.options;
    const ready = waiting.take(batchSize);
    if (ready.length > 0) return ready;
    if (!stop.aborted) return await queue.take(batchSize, this.#either(stop, waiting.ready));
    // A race of none would never end.
    if (this.#inHand.size > 0) await Promise.race(this.#inHand.keys());
    return [];
  }

  /** With the permit that was acquired, which is released once all is stored and reported. */
  async #processAndSettle(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<Processed[]> {
    let processed: Processed[];
    try {
      processed = await this.options.process(deliveries, abandon);
    } catch (error) {
      await this.#requeue(deliveries, abandon);
      throw error;
    } finally {
      this.#permits.release();
    }
    const { settled, moving, waiting } = byOutcome(processed);
    // Neither holds a permit, nor the rest of its batch in memory: a broker that is out of room takes no dead letters for long.
    if (moving.length > 0) this.#track(this.options.queue.settle(moving, abandon), moving.map(deliveryOf));
    if (waiting.length > 0) this.#track(this.#setAside(waiting, abandon), waiting);
    if (settled.length > 0) await this.options.queue.settle(settled, abandon);
    return processed;
  }

  async #setAside(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<void> {
    try {
      await this.options.waiting.setAside(deliveries, abandon);
    } catch (error) {
      await this.#requeue(deliveries, abandon);
      throw error;
    }
  }

  /** After a fault of ours. The broker counts how often. */
  #requeue(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<void> {
    return this.options.queue.settle(deliveries.map(requeued), abandon);
  }

  /** Keeps the work in sight until it is done. */
  #track(work: Promise<unknown>, deliveries: readonly Delivery[]): void {
    const [first] = deliveries;
    const events = deliveries.length;
    const tracked = work.then(() => {}, (error) => this.#failed(error, events))
      .finally(() => this.#inHand.delete(tracked));
    this.#inHand.set(tracked, first && publishedAtMs(first));
  }

  #failed(error: unknown, events: number): void {
    const { stats, log } = this.options;
    stats.failures++;
    log.error("A batch failed in an unforeseen way and goes back to the queue", {
      event: "batch.failed",
      events,
      problem: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }

  /** Aborted when one of them is. Made anew only after something has waited for rates. */
  #either(stop: AbortSignal, ready: AbortSignal): AbortSignal {
    if (this.#interrupt?.ready !== ready) this.#interrupt = { ready, either: AbortSignal.any([stop, ready]) };
    return this.#interrupt.either;
  }
}

/** `moving`: to another queue, which is to be confirmed first. */
function byOutcome(processed: readonly Processed[]) {
  const [settled, moving, waiting]: [Settled[], Settled[], Delivery[]] = [[], [], []];
  for (const entry of processed) {
    if (isWaiting(entry)) waiting.push(entry.delivery);
    else if (entry.outcome.kind === "dead" || entry.outcome.kind === "delay") moving.push(entry);
    else settled.push(entry);
  }
  return { settled, moving, waiting };
}

function deliveryOf({ delivery }: Settled): Delivery {
  return delivery;
}
