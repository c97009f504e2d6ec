/**
 * A subscriber's source of exchange rates: its own copy, the cache that all subscribers share, or, while it holds the
 * lock, the rates API.
 */
import type { Config } from "../../shared/runtime/configuration/config.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { type CallCounts, RatesCalls } from "./calls.ts";
import type { RatesApi } from "./client.ts";
import { OwnCopy } from "./own_copy.ts";
import type { Rates } from "./rates.ts";
import { type Cached, lockToken, type Look, type SharedRates } from "./shared_rates.ts";

export type RatesTimes = Pick<Config, "RATES_TTL_MS" | "RATES_LOCK_TTL_MS" | "RATES_WAIT_MS" | "RATES_MAX_STALE_MS">;

export interface RatesSourceOptions {
  readonly shared: SharedRates;
  readonly api: RatesApi;
  /** SUBSCRIBER_ID, shown as the holder of the lock. */
  readonly holder: string;
  readonly times: RatesTimes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends background work. */
  readonly signal: AbortSignal;
}

/** No rates came within RATES_WAIT_MS. The message names the last obstacle. */
export class RatesTimeout extends Error {
  override readonly name = "RatesTimeout";
}

/**
 * Poll interval of cache and lock while another subscriber fetches: 20 to 60 ms at first. A thousand subscribers then
 * poll 25,000 times a second, half of what Redis can answer (docs/scale.md). After the time of a usual call the polls
 * back off in proportion to the wait, down to a sixth of the rate.
 */
const pollMs = { least: 20, most: 60 };
const [usualCallMs, slowestPoll] = [250, 6];
/** Interval between attempts to get fresh rates while stale rates are in use. */
const refreshMs = { least: 250, most: 500 };
/** Longest pause of all subscribers after a call that gave nothing to store. */
const pauseMs = 500;

/** Counts since the start of the process. */
export interface RatesCounts extends CallCounts {
  /** Batches that used this process's fresh copy, without a look at the cache. */
  ownUses: number;
  /** Looks at the cache, by result. */
  readonly looks: Record<Look["state"], number>;
  /** Waits that timed out. */
  timeouts: number;
  /** Batches and waits that got stale rates. */
  staleUses: number;
}

/** The part of a source that metrics and the dashboard read. */
export type WatchedRates = Pick<RatesSource, "counts" | "failure" | "own" | "alone">;

export class RatesSource {
  readonly counts: RatesCounts = {
    looks: { fresh: 0, locked: 0, held: 0, paused: 0 },
    ...{ ownUses: 0, calls: 0, failedCalls: 0, leftOut: 0, timeouts: 0, staleUses: 0 },
  };
  readonly #calls: RatesCalls;
  readonly #copy: OwnCopy;
  /** Whether the last refresh failed: `current` then returns a stale copy at once and refreshes in the background. */
  #refreshFailed = false;
  /** The attempt under way, shared by all waiters, and when the last waiter times out. */
  #flight: Promise<Rates> | undefined;
  #giveUpAt = -Infinity;
  /** While stale rates are in use: time of the next refresh. */
  #nextRefreshAt = -Infinity;
  #obstacle = "nothing was tried yet";
  /** Whether Redis failed: this process then calls the API itself, once per TTL. */
  #alone = false;
  #nextLoneCallAt = -Infinity;

  constructor(private readonly options: RatesSourceOptions) {
    this.#calls = new RatesCalls(options.api, this.counts, options.log);
    this.#copy = new OwnCopy(options.clock);
  }

  /** Why this process's last call failed; `undefined` when it succeeded, or there was no call. */
  get failure(): string | undefined {
    return this.#calls.failure;
  }

  /** This process's current copy; `undefined` once it has expired. */
  get own(): Cached | undefined {
    return this.#copy.state;
  }

  /** Whether this process gets rates without the shared cache, because Redis does not answer or refuses. */
  get alone(): boolean {
    return this.#alone;
  }

  /** Returns usable rates without waiting; `undefined` when there are none. */
  current(): Rates | undefined {
    const fresh = this.#copy.fresh;
    if (fresh) {
      this.counts.ownUses++;
      return fresh;
    }
    const stale = this.#refreshFailed ? this.#copy.usable : undefined;
    if (!stale) return undefined;
    const now = this.#copy.now();
    if (now >= this.#nextRefreshAt) {
      this.#nextRefreshAt = now + this.options.random.int(refreshMs.least, refreshMs.most);
      this.#join(this.options.clock.monotonic() + this.options.times.RATES_WAIT_MS).catch(() => {});
    }
    this.counts.staleUses++;
    return stale;
  }

  /**
   * Returns usable rates, after a wait of up to RATES_WAIT_MS if necessary. All waiters of this process share one
   * attempt.
   * @throws {RatesTimeout} when the wait times out
   * @throws the signal's reason when the signal is aborted
   */
  async get(): Promise<Rates> {
    const current = this.current();
    if (current) return current;
    const { clock, signal, times } = this.options;
    const giveUpAt = clock.monotonic() + times.RATES_WAIT_MS;
    const done = new AbortController();
    try {
      return await Promise.race([
        this.#join(giveUpAt),
        clock.sleep(times.RATES_WAIT_MS, AbortSignal.any([done.signal, signal])).then(() => this.#stopWaiting()),
      ]);
    } catch (error) {
      if (error instanceof RatesTimeout) this.counts.timeouts++;
      throw error;
    } finally {
      done.abort();
    }
  }

  /** Resolves with whether rates are fresh, after up to RATES_WAIT_MS. For callers without an event. Never rejects. */
  async areFresh(): Promise<boolean> {
    if (this.#copy.fresh) return true;
    await this.#join(this.options.clock.monotonic() + this.options.times.RATES_WAIT_MS).catch(() => {});
    return this.#copy.fresh !== undefined;
  }

  /** Joins the attempt under way, or starts one, and extends it to `giveUpAt`. */
  #join(giveUpAt: number): Promise<Rates> {
    this.#giveUpAt = Math.max(this.#giveUpAt, giveUpAt);
    return this.#flight ??= this.#obtain().finally(() => this.#flight = undefined);
  }

  /** Called when a wait times out. Returns stale rates if they are usable. @throws {RatesTimeout} otherwise */
  #stopWaiting(): Rates {
    const stale = this.#copy.usable;
    if (stale) {
      this.counts.staleUses++;
      return stale;
    }
    throw new RatesTimeout(`no rates within RATES_WAIT_MS=${this.options.times.RATES_WAIT_MS}: ${this.#obstacle}`);
  }

  async #obtain(): Promise<Rates> {
    const { clock, signal } = this.options;
    const begun = clock.monotonic();
    while (clock.monotonic() < this.#giveUpAt) {
      signal.throwIfAborted();
      const rates = await this.#step();
      if (rates) return rates;
      await clock.sleep(this.#untilNextLook(begun), signal);
    }
    return this.#stopWaiting();
  }

  /** Returns the ms until the next look. The last look comes shortly before the last waiter times out. */
  #untilNextLook(begun: number): number {
    const { clock, random } = this.options;
    const now = clock.monotonic();
    const slower = Math.min(Math.max(1, (now - begun) / usualCallMs), slowestPoll);
    const left = this.#giveUpAt - now - pollMs.most;
    return Math.min(random.int(pollMs.least, pollMs.most) * slower, Math.max(pollMs.least, left));
  }

  /** Looks once at cache and lock, and calls the API if it got the lock. */
  async #step(): Promise<Rates | undefined> {
    const { shared, times, random, holder } = this.options;
    const token = lockToken(holder, random);
    const before = this.#copy.now();
    let look;
    try {
      look = await shared.lookOrLock(token, times.RATES_LOCK_TTL_MS);
      this.#setAlone(false);
    } catch (error) {
      this.#setAlone(true, error);
      return await this.#callAlone();
    }
    const { state, cached } = look;
    this.counts.looks[state]++;
    if (cached) this.#copy.keep(cached, before);
    switch (state) {
      case "fresh":
        this.#refreshFailed = false;
        this.#calls.failure = undefined;
        return cached?.rates;
      case "locked":
        return await this.#fetchAndShare(token) ?? cached?.rates;
      case "paused":
        this.#obstacle = this.#calls.failure ?? "another subscriber's call to the rates API has failed";
        this.#refreshFailed = true;
        return cached?.rates;
      case "held":
        this.#obstacle = "another subscriber holds the lock and has not stored any";
        return undefined;
    }
  }

  /**
   * Calls the API under the lock and shares the rates.
   * @returns `undefined` when the call failed or its rates were not stored
   */
  async #fetchAndShare(token: string): Promise<Rates | undefined> {
    const { shared, times, log, signal } = this.options;
    const before = this.#copy.now();
    const rates = await this.#call();
    if (!rates) {
      this.#refreshFailed = true;
      // At shutdown, release the lock so that another subscriber can call at once.
      if (signal.aborted) await shared.release(token).catch(() => {});
      else await this.#pause(token);
      return undefined;
    }
    const life = { freshMs: times.RATES_TTL_MS, staleMs: times.RATES_MAX_STALE_MS };
    let result;
    try {
      result = await shared.write(token, rates, life);
    } catch (error) {
      // Redis failed after the lock was taken. The rates are good, and this was our one call per TTL without Redis.
      this.#setAlone(true, error);
      this.#nextLoneCallAt = before + times.RATES_TTL_MS;
      result = "written";
    }
    if (result === "written") {
      this.#copy.keep({ rates, freshMs: life.freshMs, usableMs: life.freshMs + life.staleMs }, before);
      this.#refreshFailed = false;
      return rates;
    }
    this.#obstacle = result === "lock-lost"
      ? "the rates API answered after the lock had expired"
      : "the rates API answered with rates older than the cached ones";
    log.warn("Fetched rates were not stored", { event: "rates.not_stored", problem: this.#obstacle });
    this.#refreshFailed = result === "older";
    // An API that lags behind gives the same answer a moment later.
    if (result === "older") await this.#pause(token);
    return undefined;
  }

  async #pause(token: string): Promise<void> {
    const { shared, times } = this.options;
    await shared.pause(token, Math.min(pauseMs, times.RATES_LOCK_TTL_MS)).catch(() => {});
  }

  /** Calls the API without Redis. Each process makes at most one call per TTL, failed calls included. */
  async #callAlone(): Promise<Rates | undefined> {
    const { times } = this.options;
    const now = this.#copy.now();
    if (now < this.#nextLoneCallAt) return undefined;
    this.#nextLoneCallAt = now + times.RATES_TTL_MS;
    const rates = await this.#call();
    this.#refreshFailed = rates === undefined;
    if (!rates) return this.#copy.usable;
    const freshMs = times.RATES_TTL_MS;
    this.#copy.keep({ rates, freshMs, usableMs: freshMs + times.RATES_MAX_STALE_MS }, now);
    return rates;
  }

  async #call(): Promise<Rates | undefined> {
    const rates = await this.#calls.fetch(this.options.signal);
    if (!rates) this.#obstacle = this.#calls.failure!;
    return rates;
  }

  #setAlone(alone: boolean, error?: unknown): void {
    if (alone === this.#alone) return;
    this.#alone = alone;
    const { log } = this.options;
    if (alone) {
      const message = "Redis shares no rates; calling the rates API at most once per RATES_TTL_MS";
      log.error(message, { event: "redis.away", problem: messageOf(error) });
    } else log.info("Redis shares rates again", { event: "redis.back" });
  }
}
