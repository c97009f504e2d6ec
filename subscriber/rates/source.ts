/**
 * Where a subscriber gets exchange rates: from its own copy, from the cache that all share, or, holding the lock that lets
 * one of all call at a time, from the rates API.
 */
import type { Config } from "../../shared/runtime/configuration/config.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { RatesApi } from "./client.ts";
import type { Rates } from "./rates.ts";
import { type Cached, lockToken, type Look, type SharedRates } from "./shared_rates.ts";
import { WakefulTime } from "./wakeful_time.ts";

export type RatesTimes = Pick<Config, "RATES_TTL_MS" | "RATES_LOCK_TTL_MS" | "RATES_WAIT_MS" | "RATES_MAX_STALE_MS">;

export interface RatesSourceOptions {
  readonly shared: SharedRates;
  readonly api: RatesApi;
  /** Who we are, for those who ask who holds the lock: SUBSCRIBER_ID. */
  readonly holder: string;
  readonly times: RatesTimes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends background work. */
  readonly signal: AbortSignal;
}

/** No rates came within RATES_WAIT_MS; the message tells the last obstacle. */
export class RatesTimeout extends Error {
  override readonly name = "RatesTimeout";
}

/**
 * Polls of cache and lock while another fetches: every 20 to 60 ms at first. A thousand who wait look 25,000 times a second so,
 * half of what Redis can answer (docs/scale.md): past the time that a call usually takes, who has waited longer polls less
 * often, in proportion, down to a sixth.
 */
const pollMs = { least: 20, most: 60 };
const [usualCallMs, slowestPoll] = [250, 6];
/** Looks for fresh rates while stale ones serve, which hold nobody up. */
const refreshMs = { least: 250, most: 500 };
/** Of very many, the first will do. */
const mostLeftOutTold = 10;
/** Longest pause that all make after a call that gave nothing to store. */
const pauseMs = 500;

/** What a process has done for its rates since it started. */
export interface RatesCounts {
  /** Batches that were served by this process's own copy, while it was fresh: hits that cost no look at the cache. */
  ownUses: number;
  /** Looks at the cache, by what was found. */
  readonly looks: Record<Look["state"], number>;
  /** Calls to the rates API, and those of them that gave no rates. */
  calls: number;
  failedCalls: number;
  /** Entries of the last answer that could not be used, and were left out. */
  leftOut: number;
  /** Waits that ended without rates. */
  timeouts: number;
  /** Windows, or waits, that got rates past their time. */
  staleUses: number;
}

/** What can be told of a source of rates. */
export type WatchedRates = Pick<RatesSource, "counts" | "failure" | "own" | "alone">;

/** Rates in this process, which never outlive those in the cache. Times are those of {@linkcode WakefulTime}. */
interface OwnCopy {
  readonly rates: Rates;
  readonly freshUntil: number;
  readonly usableUntil: number;
}

export class RatesSource {
  #copy: OwnCopy | undefined;
  /** The last try to refresh has failed: a stale copy serves at once, and the next try runs beside it. */
  #refreshFailed = false;
  /** The try that is under way, for all who wait, and when the last of them gives up. */
  #flight: Promise<Rates> | undefined;
  #giveUpAt = -Infinity;
  /** While stale rates serve: when fresh ones are looked for again. */
  #nextRefreshAt = -Infinity;
  #obstacle = "nothing was tried yet";
  /** Why the last call of our own gave no rates; `undefined` when it gave some. */
  #failure: string | undefined;
  /** Redis did not answer: from then on this process calls for itself, once per TTL. */
  #alone = false;
  #nextLoneCallAt = -Infinity;
  #leftOutTold = "";
  readonly counts: RatesCounts = {
    looks: { fresh: 0, locked: 0, held: 0, paused: 0 },
    ...{ ownUses: 0, calls: 0, failedCalls: 0, leftOut: 0, timeouts: 0, staleUses: 0 },
  };

  readonly #time: WakefulTime;

  constructor(private readonly options: RatesSourceOptions) {
    this.#time = new WakefulTime(options.clock);
  }

  /** Why the last call of this process gave no rates; `undefined` when it gave some, or there was none. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** What this process has in hand, as of now; `undefined` once it is of no use. */
  get own(): Cached | undefined {
    const copy = this.#copy;
    const now = this.#time.now();
    if (!copy || now >= copy.usableUntil) return undefined;
    return { rates: copy.rates, freshMs: copy.freshUntil - now, usableMs: copy.usableUntil - now };
  }

  /** Whether this process gets its rates without the shared cache, because Redis does not answer. */
  get alone(): boolean {
    return this.#alone;
  }

  /** Rates that can be used now, without waiting. */
  current(): Rates | undefined {
    const copy = this.#copy;
    if (!copy) return undefined;
    const now = this.#time.now();
    if (now < copy.freshUntil) {
      this.counts.ownUses++;
      return copy.rates;
    }
    if (!this.#refreshFailed || now >= copy.usableUntil) return undefined;
    if (now >= this.#nextRefreshAt) {
      this.#nextRefreshAt = now + this.options.random.int(refreshMs.least, refreshMs.most);
      this.#join(this.options.clock.monotonic() + this.options.times.RATES_WAIT_MS).catch(() => {});
    }
    this.counts.staleUses++;
    return copy.rates;
  }

  /**
   * Rates, waited for up to RATES_WAIT_MS unless they have come since {@linkcode current} had none. All waits in this process
   * share one try.
   * @throws {RatesTimeout}, or the signal's reason once it is aborted
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

  /** Takes part in the try that is under way, or begins one, and keeps it going until `giveUpAt` at least. */
  #join(giveUpAt: number): Promise<Rates> {
    this.#giveUpAt = Math.max(this.#giveUpAt, giveUpAt);
    return this.#flight ??= this.#obtain().finally(() => this.#flight = undefined);
  }

  /** The end of one waiter's time: stale rates if they may serve, else an error. */
  #stopWaiting(): Rates {
    const copy = this.#copy;
    if (copy && this.#time.now() < copy.usableUntil) {
      this.counts.staleUses++;
      return copy.rates;
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

  /** In ms; the last look comes shortly before the last waiter gives up. */
  #untilNextLook(begun: number): number {
    const { clock, random } = this.options;
    const now = clock.monotonic();
    const slower = Math.min(Math.max(1, (now - begun) / usualCallMs), slowestPoll);
    const left = this.#giveUpAt - now - pollMs.most;
    return Math.min(random.int(pollMs.least, pollMs.most) * slower, Math.max(pollMs.least, left));
  }

  /** One look at cache and lock, and what follows from it. */
  async #step(): Promise<Rates | undefined> {
    const { shared, times, random, holder } = this.options;
    const token = lockToken(holder, random);
    const before = this.#time.now();
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
    if (cached) this.#keep(cached, before);
    switch (state) {
      case "fresh":
        this.#refreshFailed = false;
        this.#failure = undefined;
        return cached?.rates;
      case "locked":
        return await this.#fetchAndShare(token) ?? cached?.rates;
      case "paused":
        this.#obstacle = this.#failure ?? "another subscriber's call to the rates API has failed";
        this.#refreshFailed = true;
        return cached?.rates;
      case "held":
        this.#obstacle = "another subscriber holds the lock and has not stored any";
        return undefined;
    }
  }

  /** We hold the lock: call, and store the answer for all. `undefined` when the call failed or came too late. */
  async #fetchAndShare(token: string): Promise<Rates | undefined> {
    const { shared, times, log, signal } = this.options;
    const before = this.#time.now();
    const rates = await this.#call();
    if (!rates) {
      this.#refreshFailed = true;
      // An orderly leaver lets the next one try at once.
      if (signal.aborted) await shared.release(token).catch(() => {});
      else await this.#pause(token);
      return undefined;
    }
    const life = { freshMs: times.RATES_TTL_MS, staleMs: times.RATES_MAX_STALE_MS };
    let result;
    try {
      result = await shared.write(token, rates, life);
    } catch (error) {
      // Redis failed in between. The rates are good, and count as the one call that is ours while it is down.
      this.#setAlone(true, error);
      this.#nextLoneCallAt = before + times.RATES_TTL_MS;
      result = "written";
    }
    if (result === "written") {
      this.#keep({ rates, freshMs: life.freshMs, usableMs: life.freshMs + life.staleMs }, before);
      this.#refreshFailed = false;
      return rates;
    }
    this.#obstacle = result === "lock-lost"
      ? "the rates API answered after the lock had expired"
      : "the rates API answered with rates older than the cached ones";
    log.warn("Fetched rates were not stored", { event: "rates.not_stored", problem: this.#obstacle });
    this.#refreshFailed = result === "older";
    // One that lags behind answers no better a moment later.
    if (result === "older") await this.#pause(token);
    return undefined;
  }

  async #pause(token: string): Promise<void> {
    const { shared, times } = this.options;
    await shared.pause(token, Math.min(pauseMs, times.RATES_LOCK_TTL_MS)).catch(() => {});
  }

  /** Without Redis nobody else's call can be seen, so each process makes at most one per TTL, failed ones counted. */
  async #callAlone(): Promise<Rates | undefined> {
    const { times } = this.options;
    const now = this.#time.now();
    if (now < this.#nextLoneCallAt) return undefined;
    this.#nextLoneCallAt = now + times.RATES_TTL_MS;
    const rates = await this.#call();
    this.#refreshFailed = rates === undefined;
    if (!rates) {
      const copy = this.#copy;
      return copy && this.#time.now() < copy.usableUntil ? copy.rates : undefined;
    }
    const freshMs = times.RATES_TTL_MS;
    this.#keep({ rates, freshMs, usableMs: freshMs + times.RATES_MAX_STALE_MS }, now);
    return rates;
  }

  async #call(): Promise<Rates | undefined> {
    const { api, log, signal } = this.options;
    this.counts.calls++;
    try {
      const rates = await api.fetch(signal);
      this.#failure = undefined;
      this.#tellWhatIsLeftOut(rates);
      log.info("Fetched rates", { asOf: new Date(rates.asOfMs).toISOString(), currencies: rates.perEur.size });
      return rates;
    } catch (error) {
      this.counts.failedCalls++;
      this.#failure = this.#obstacle = messageOf(error);
      if (!signal.aborted) log.warn("The rates API gave no rates", { problem: this.#failure });
      return undefined;
    }
  }

  /** Once for the same entries: they come again with every answer. */
  #tellWhatIsLeftOut({ leftOut = [] }: Rates): void {
    this.counts.leftOut = leftOut.length;
    const told = leftOut.slice(0, mostLeftOutTold).join("; ");
    if (told === this.#leftOutTold) return;
    this.#leftOutTold = told;
    if (told === "") return;
    this.options.log.warn("The rates API gave rates that cannot be used; they are left out", {
      rates: leftOut.length,
      problem: told,
    });
  }

  /** @param before when the cache was asked: its remaining time is counted from then, so that ours ends first */
  #keep({ rates, freshMs, usableMs }: Cached, before: number): void {
    this.#copy = { rates, freshUntil: before + freshMs, usableUntil: before + usableMs };
  }

  #setAlone(alone: boolean, error?: unknown): void {
    if (alone === this.#alone) return;
    this.#alone = alone;
    const { log } = this.options;
    if (!alone) log.info("Redis answers again; rates are shared again", { event: "redis.back" });
    else {log.error("Redis does not answer; calling the rates API at most once per RATES_TTL_MS", {
        event: "redis.away",
        problem: messageOf(error),
      });}
  }
}
