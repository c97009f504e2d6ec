import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { WakefulTime } from "../rates/own_copy.ts";
import type { Rates } from "../rates/rates.ts";
import { RatesTimeout } from "../rates/source.ts";
import type { RatesNowOrLater } from "./edges.ts";

/**
 * How long an answer stays usable for the deliveries that waited for it, in ms. With a short RATES_TTL_MS the rates may
 * expire before the call ends, and no event would ever be priced.
 */
const usableMs = 1_000;

/** Deliveries that wait because their events need rates. They hold no permit, and no batch waits for them. */
export class WaitingForRates {
  readonly #ready: Delivery[] = [];
  readonly #answers = new WeakMap<Delivery, { readonly answer: Rates | RatesTimeout; readonly usableUntil: number }>();
  readonly #time: WakefulTime;
  #wake = new AbortController();

  constructor(private readonly rates: RatesNowOrLater, clock: Clock) {
    this.#time = new WakefulTime(clock);
  }

  /**
   * Waits until rates come or the wait times out; then {@linkcode take} returns the deliveries.
   * @param abandon when aborted, a failed wait makes the deliveries available to `take` as well
   */
  async setAside(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<void> {
    const answer = await this.#ask(abandon);
    if (answer) {
      const usableUntil = answer instanceof RatesTimeout ? Infinity : this.#time.now() + usableMs;
      for (const delivery of deliveries) this.#answers.set(delivery, { answer, usableUntil });
    }
    this.#ready.push(...deliveries);
    this.#wake.abort();
  }

  /** Number of deliveries that {@linkcode take} can return. */
  get size(): number {
    return this.#ready.length;
  }

  /** Removes and returns up to `limit` deliveries whose wait is over, in the order in which the waits ended. */
  take(limit: number): Delivery[] {
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    const taken = this.#ready.splice(0, limit);
    if (taken.length === 0) return taken;
    const now = this.#time.now();
    this.forget(taken.filter((delivery) => now >= (this.#answers.get(delivery)?.usableUntil ?? Infinity)));
    return taken;
  }

  /** Aborted as soon as {@linkcode take} can return deliveries. */
  get ready(): AbortSignal {
    return this.#wake.signal;
  }

  current(): Rates | undefined {
    return this.rates.current();
  }

  /**
   * Returns the answer that this delivery waited for, rates or a timeout; `undefined` when it has no usable one. The
   * answer serves all parts of a bisected batch, and is dropped when the batch is held.
   */
  answerTo(delivery: Delivery): Rates | RatesTimeout | undefined {
    return this.#answers.get(delivery)?.answer;
  }

  /** Drops the answers of deliveries whose batch is held: a hold may outlast every answer. */
  forget(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#answers.delete(delivery);
  }

  async #ask(abandon: AbortSignal): Promise<Rates | RatesTimeout | undefined> {
    try {
      return await this.rates.get();
    } catch (error) {
      if (error instanceof RatesTimeout) return error;
      if (abandon.aborted) return undefined;
      throw error;
    }
  }
}
