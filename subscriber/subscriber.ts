/** Takes windows from the queue and sees each to its end: what waits, retries, reports and settles around the window. */
import { unlessAborted } from "../shared/abort.ts";
import { type Backoff, backoffMs } from "../shared/backoff.ts";
import type { EventQueue } from "../shared/amqp/delivery.ts";
import { publishedAtMs } from "../shared/amqp/published_at.ts";
import { type Dead, dead, retry } from "../shared/amqp/outcome.ts";
import type { Clock } from "../shared/clock.ts";
import { explainStoreError, messageOf } from "../shared/errors.ts";
import type { Random } from "../shared/random.ts";
import type { Log } from "../shared/telemetry/log.ts";
import type { Enriched } from "./enriched.ts";
import { needsRates } from "./price.ts";
import { delayRetries } from "./retry_delays.ts";
import type { Rates } from "./rates/rates.ts";
import { RatesTimeout } from "./rates/source.ts";
import { Slots } from "./slots.ts";
import type { Stats } from "./stats.ts";
import { decode, type Decoded, isDead, type Processed, processWindow, type Stages } from "./window.ts";

export interface SubscriberOptions {
  readonly queue: EventQueue;
  readonly rates: { atHand(): Rates | undefined; get(): Promise<Rates> };
  readonly stages: Stages;
  /** Put around all that is done for a window, or for the part of one that waits for rates: a span, when there is tracing. */
  readonly around?: (window: readonly Decoded[], work: () => Promise<void>) => Promise<void>;
  /** Tells the world what is stored. Called after the commit and before the acks, so that no event goes unreported. */
  readonly report: (events: readonly Enriched[]) => Promise<void>;
  readonly windowSize: number;
  /** Most windows that are being stored at once. */
  readonly windowsInFlight: number;
  /** How long an event that found no rates waits before each retry, in ms; after the last it is dead-lettered. */
  readonly retryDelays: readonly number[];
  readonly stats: Stats;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How long a window is held before it is tried again while the database is away. */
const holdBackoff: Backoff = { first: 100, most: 5_000 };

const warnEveryMs = 10_000;
/** What is nearly done when the time is over is done by then: a commit on its way, a report that somebody reads. */
const lastMomentMs = 500;

export class Subscriber {
  readonly #slots: Slots;
  /** What is under way, and when its oldest event was published. */
  readonly #working = new Map<Promise<void>, number | undefined>();
  #warnedAt = -Infinity;
  #unknownSinceWarning = 0;

  constructor(private readonly options: SubscriberOptions) {
    this.#slots = new Slots(options.windowsInFlight);
  }

  /**
   * Works until `stop` is aborted and all that was taken is settled.
   * @param abandon ends all waiting: what is not finished by then goes back to the queue
   */
  async run(stop: AbortSignal, abandon: AbortSignal): Promise<void> {
    const { queue, windowSize, stats, clock } = this.options;
    while (!stop.aborted) {
      // While a slot is free, whatever is at hand makes a window; while none is, the next window grows.
      await this.#slots.untilFree();
      const deliveries = await queue.take(windowSize, stop);
      await this.#slots.take();
      this.#begin(stats.timed("decode", clock, () => deliveries.map(decode)), abandon);
    }
    while (this.#working.size > 0) await Promise.all(this.#working.keys());
  }

  /** Windows that are not settled yet, and parts of windows that wait for rates or for another queue. */
  get windowsInFlight(): number {
    return this.#working.size;
  }

  /** When the oldest event in hand was published, milliseconds since 1970; `undefined` when there is none, or none that tells. */
  get oldestPublishedAtMs(): number | undefined {
    let oldest: number | undefined;
    for (const published of this.#working.values()) {
      if (published !== undefined && published < (oldest ?? Infinity)) oldest = published;
    }
    return oldest;
  }

  /** Events that need no rates do not wait for those that do, and what waits takes up no slot. */
  #begin(window: readonly Decoded[], abandon: AbortSignal): void {
    const { around = (_, work) => work() } = this.options;
    const rates = this.options.rates.atHand();
    const waiting = rates ? [] : window.filter(isInNeedOfRates);
    const ready = waiting.length === 0 ? window : window.filter((entry) => !isInNeedOfRates(entry));
    if (waiting.length > 0) {
      this.#track(waiting, around(waiting, () => this.#finishWhenRatesCome(waiting, abandon)), abandon);
    }
    this.#track(ready, around(ready, () => this.#finish(ready, rates, abandon)), abandon);
  }

  async #finishWhenRatesCome(window: readonly Decoded[], abandon: AbortSignal): Promise<void> {
    let rates = await this.#waitForRates(abandon);
    while (true) {
      const queued = this.#slots.full;
      await this.#slots.take();
      // Rates must not outlive their time while other windows are held for long, and may have come meanwhile.
      if (queued) rates = this.options.rates.atHand() ?? (isDead(rates) ? rates : undefined);
      if (rates || abandon.aborted) break;
      this.#slots.give();
      rates = await this.#waitForRates(abandon);
    }
    await this.#finish(window, rates, abandon);
  }

  async #waitForRates(abandon: AbortSignal): Promise<Rates | Dead | undefined> {
    const { rates, stats, clock } = this.options;
    try {
      return await stats.timed("rates", clock, () => rates.get());
    } catch (error) {
      if (error instanceof RatesTimeout) return dead("rates-timeout", error.message);
      if (abandon.aborted) return undefined;
      throw error;
    }
  }

  /**
   * In a slot that is taken, and given back once all is stored and told. What goes to another queue is waited for without
   * slot and window: a broker that is out of memory or room takes nothing, perhaps until its queues are shorter.
   */
  async #finish(window: readonly Decoded[], rates: Rates | Dead | undefined, abandon: AbortSignal): Promise<void> {
    let processed: Processed[];
    try {
      processed = window.length === 0 ? [] : await this.#storeAndReport(window, rates, abandon);
    } finally {
      this.#slots.give();
    }
    const moving = processed.filter(isMoving);
    if (moving.length > 0) this.#track(moving, this.#settle(moving, abandon), abandon);
    await this.#settle(processed.filter((entry) => !isMoving(entry)), abandon);
  }

  async #settle(processed: readonly Processed[], abandon: AbortSignal): Promise<void> {
    const { queue, stats, clock } = this.options;
    if (processed.length > 0) await stats.timed("settle", clock, () => queue.settle(processed, abandon));
  }

  async #storeAndReport(
    window: readonly Decoded[],
    rates: Rates | Dead | undefined,
    abandon: AbortSignal,
  ): Promise<Processed[]> {
    const { stats, retryDelays, clock } = this.options;
    const processed = delayRetries(await this.#processUntilStored(window, rates, abandon), retryDelays);
    const storedAt = clock.now();
    const stored = processed.flatMap(({ enriched }) => enriched ?? []);
    const reported = stored.length === 0 || await this.#report(stored, abandon);
    // What is stored and not told is told when it comes again.
    const settled = reported ? processed : window.map(({ delivery }): Processed => ({ delivery, outcome: retry }));
    stats.count(settled);
    stats.observe(settled, storedAt);
    this.#warnOfDeadLetters(window, settled);
    this.#warnOfUnknownPlayers(stored);
    return settled;
  }

  /** @returns `false` if the world does not listen and the time is over */
  async #report(stored: readonly Enriched[], abandon: AbortSignal): Promise<boolean> {
    const { report, stats, clock } = this.options;
    const told = stats.timed("report", clock, () => report(stored)).then(() => true);
    return await this.#inTime(told, abandon) ?? false;
  }

  /** @returns `undefined` if the time is over, and a last moment as well */
  async #inTime<T>(work: Promise<T>, abandon: AbortSignal): Promise<T | undefined> {
    try {
      return await unlessAborted(work, abandon);
    } catch (error) {
      if (!abandon.aborted) throw error;
      const done = new AbortController();
      const late = this.options.clock.sleep(lastMomentMs, done.signal).then(() => undefined);
      return await Promise.race([work, late]).finally(() => done.abort());
    }
  }

  /** Holds the window while the database is away: its events are good, and nothing else could be stored either. */
  async #processUntilStored(
    window: readonly Decoded[],
    rates: Rates | Dead | undefined,
    abandon: AbortSignal,
  ): Promise<Processed[]> {
    const { stages, stats, clock, random, log } = this.options;
    for (let attempt = 1; !abandon.aborted; attempt++) {
      try {
        const work = stats.timed("process", clock, () => processWindow(window, rates, stages));
        const processed = await this.#inTime(work, abandon);
        if (!processed) break;
        // A window without a good event asks the database nothing.
        if (window.some(({ event }) => !isDead(event))) stats.storeAnswers(undefined);
        return processed;
      } catch (error) {
        const retryInMs = Math.round(backoffMs(attempt, holdBackoff, random));
        log.error("The database did not take a window; holding it", {
          events: window.length,
          problem: explainStoreError(error),
          retryInMs,
        });
        stats.storeAnswers(explainStoreError(error));
        await clock.sleep(retryInMs, abandon).catch(() => {});
      }
      // Rates must not outlive their time in a window that is held for long.
      if (window.some(isInNeedOfRates)) rates = this.options.rates.atHand() ?? await this.#waitForRates(abandon);
    }
    return window.map(({ delivery }) => ({ delivery, outcome: retry }));
  }

  #warnOfDeadLetters(window: readonly Decoded[], processed: readonly Processed[]): void {
    processed.forEach(({ delivery, outcome }, i) => {
      if (outcome.kind !== "dead") return;
      const event = window[i]?.event;
      this.options.log.warn("Dead-lettering", {
        messageId: delivery.messageId,
        ...(delivery.sentId !== undefined && { sentId: delivery.sentId }),
        ...(event && !isDead(event) && { eventId: String(event.id) }),
        reason: outcome.reason,
        detail: outcome.detail,
      });
    });
  }

  /** Says so at once and then every 10 s at most: where players are missing, they tend to be missing often. */
  #warnOfUnknownPlayers(events: readonly Enriched[]): void {
    const unknown = events.filter(({ player }) => player === undefined);
    const [first] = unknown;
    if (!first) return;
    this.#unknownSinceWarning += unknown.length;
    const { clock, log } = this.options;
    const now = clock.monotonic();
    if (now - this.#warnedAt < warnEveryMs) return;
    log.warn("Players not found; their events are stored without player data", {
      events: this.#unknownSinceWarning,
      players: [...new Set(unknown.map(({ event }) => String(event.playerId)))].slice(0, 10),
      eventId: String(first.event.id),
      messageId: first.messageId,
    });
    this.#warnedAt = now;
    this.#unknownSinceWarning = 0;
  }

  /** Keeps the work until it is done. Its window goes back to the queue when it fails in an unforeseen way: the broker counts how often. */
  #track(window: readonly Pick<Decoded, "delivery">[], work: Promise<void>, abandon: AbortSignal): void {
    const { queue, stats, log } = this.options;
    const tracked = work.catch(async (error) => {
      stats.failures++;
      // Of what is no longer held nothing more will be heard.
      stats.storeAnswers(undefined);
      log.error("A window failed in an unforeseen way and goes back to the queue", {
        events: window.length,
        problem: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
      await queue.settle(window.map(({ delivery }) => ({ delivery, outcome: retry })), abandon);
    }).finally(() => this.#working.delete(tracked));
    this.#working.set(tracked, window[0] && publishedAtMs(window[0].delivery));
  }
}

function isMoving({ outcome }: Processed): boolean {
  return outcome.kind === "dead" || outcome.kind === "delay";
}

function isInNeedOfRates({ event }: Decoded): boolean {
  return !isDead(event) && needsRates(event);
}
