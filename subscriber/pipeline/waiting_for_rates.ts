import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Rates } from "../rates/rates.ts";
import { RatesTimeout } from "../rates/source.ts";

/** Where rates come from: {@linkcode RatesSource}. */
export interface RatesNowOrLater {
  /** Rates that can be used now, without waiting. */
  current(): Rates | undefined;
  /** Waits for rates. @throws {RatesTimeout} when the time of this wait is over */
  get(): Promise<Rates>;
}

/**
 * For how long rates may still be used by what has waited for them, in ms: with a short RATES_TTL_MS their own time may be
 * over by the time the call has ended, and then nothing would ever be priced. A batch that is held takes much longer.
 */
const usableMs = 1_000;

/** Deliveries that are set aside because their events need rates: they hold no permit, and nobody waits for them. */
export class WaitingForRates {
  readonly #ready: Delivery[] = [];
  readonly #answers = new WeakMap<Delivery, { readonly answer: Rates | RatesTimeout; readonly usableUntil: number }>();
  #wake = new AbortController();

  constructor(private readonly rates: RatesNowOrLater, private readonly clock: Clock) {}

  /**
   * Waits with the deliveries until rates come or the time of this wait is over; then they are {@linkcode take}n.
   * @param abandon aborted: they are to be taken at once
   */
  async setAside(deliveries: readonly Delivery[], abandon: AbortSignal): Promise<void> {
    const answer = await this.#ask(abandon);
    if (answer) {
      const usableUntil = answer instanceof RatesTimeout ? Infinity : this.clock.monotonic() + usableMs;
      for (const delivery of deliveries) this.#answers.set(delivery, { answer, usableUntil });
    }
    this.#ready.push(...deliveries);
    this.#wake.abort();
  }

  /** How many are to be taken. */
  get size(): number {
    return this.#ready.length;
  }

  /** Up to `limit` deliveries that have waited long enough, those that did so first. */
  take(limit: number): Delivery[] {
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    return this.#ready.splice(0, limit);
  }

  /** Aborted as soon as there is something to {@linkcode take}. */
  get ready(): AbortSignal {
    return this.#wake.signal;
  }

  current(): Rates | undefined {
    return this.rates.current();
  }

  /** What this delivery has waited for; each answer is given once, so that no rates serve a batch that is held for long. */
  answerTo(delivery: Delivery): Rates | RatesTimeout | undefined {
    const given = this.#answers.get(delivery);
    this.#answers.delete(delivery);
    return given && this.clock.monotonic() < given.usableUntil ? given.answer : undefined;
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
