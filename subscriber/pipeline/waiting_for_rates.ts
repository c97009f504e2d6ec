import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { WakefulTime } from "../rates/own_copy.ts";
import type { Rates } from "../rates/rates.ts";
import { RatesTimeout } from "../rates/source.ts";
import type { RatesNowOrLater } from "./edges.ts";

/**
 * How long rates may wait for the batch of the deliveries that have waited for them, in ms. With a short RATES_TTL_MS the
 * rates may have expired when the call ends, and then nothing would ever be priced.
 */
const usableMs = 1_000;

/** Deliveries that are set aside because their events need rates. They hold no permit, and no batch waits for them. */
export class WaitingForRates {
  readonly #ready: Delivery[] = [];
  readonly #answers = new WeakMap<Delivery, { readonly answer: Rates | RatesTimeout; readonly usableUntil: number }>();
  readonly #time: WakefulTime;
  #wake = new AbortController();

  constructor(private readonly rates: RatesNowOrLater, clock: Clock) {
    this.#time = new WakefulTime(clock);
  }

  /**
   * Waits until rates come or the time of this wait is over; then {@linkcode take} returns the deliveries.
   * @param abandon aborted: they can be taken at once
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

  /** How many can be taken. */
  get size(): number {
    return this.#ready.length;
  }

  /** Up to `limit` deliveries that have waited long enough, those that did so first. */
  take(limit: number): Delivery[] {
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    const taken = this.#ready.splice(0, limit);
    if (taken.length === 0) return taken;
    const now = this.#time.now();
    this.forget(taken.filter((delivery) => now >= (this.#answers.get(delivery)?.usableUntil ?? Infinity)));
    return taken;
  }

  /** Aborted as soon as deliveries can be taken. */
  get ready(): AbortSignal {
    return this.#wake.signal;
  }

  current(): Rates | undefined {
    return this.rates.current();
  }

  /**
   * The rates that this delivery has waited for, or the timeout; `undefined` when it has none that is still usable. It serves
   * all parts of a batch that is bisected, and ends when the batch is held.
   */
  answerTo(delivery: Delivery): Rates | RatesTimeout | undefined {
    return this.#answers.get(delivery)?.answer;
  }

  /** Their batch is held, which may be for long: by then no answer holds any more, whether or not it was asked for. */
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
