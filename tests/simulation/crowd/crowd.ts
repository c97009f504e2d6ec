/**
 * The rates of a thousand subscribers: each runs the real source, over one in-memory Redis and rates API, under virtual
 * time. The seed decides everything random.
 */
import { type Random, seededRandom } from "../../../shared/runtime/random.ts";
import { VirtualClock } from "../../fixtures/virtual_clock.ts";
import { MemoryRates } from "../../../subscriber/rates/memory_rates.ts";
import type { SharedRates } from "../../../subscriber/rates/shared_rates.ts";
import type { RatesTimes } from "../../../subscriber/rates/source.ts";
import { InvariantError } from "../invariants.ts";
import { type Network, RatesServer, RedisServer } from "./servers.ts";
import { Worker } from "./worker.ts";

/** A scenario; all times are in virtual ms. */
export interface Scenario {
  readonly network: Network;
  /** Draws the time that the rates API takes to answer. */
  readonly answerMs: (random: Random) => number;
  readonly times?: Partial<RatesTimes>;
  readonly batchEveryMs: number;
  /** All workers see their first batch within this time. */
  readonly startWithinMs: number;
  /** Actions, in order of time. */
  readonly script: readonly { readonly atMs: number; readonly act: (crowd: Crowd) => void }[];
  /** The interval over which Redis look-ups are counted; each worker's wait is measured from its start. */
  readonly from: number;
  readonly to: number;
  readonly endMs: number;
}

export interface CrowdResult {
  readonly calls: number;
  /** Calls made without Redis; included in the calls. */
  readonly loneCalls: number;
  /** Redis look-ups per second: in the busiest tenth of a second, and on average over the interval. */
  readonly peakLooks: number;
  readonly meanLooks: number;
  /**
   * Time from the start of the interval until the first worker, and until all workers, have fresh rates; `undefined` if
   * that never happened.
   */
  readonly firstMs: number | undefined;
  readonly allMs: number | undefined;
  /** Waits that ended in dead letters. */
  readonly timeouts: number;
  /** Batches that stale rates served. */
  readonly staleUses: number;
}

const defaultTimes: RatesTimes = {
  RATES_TTL_MS: 60_000,
  RATES_LOCK_TTL_MS: 3_000,
  RATES_WAIT_MS: 5_000,
  RATES_MAX_STALE_MS: 0,
};
const callTimeoutMs = 2_000;
const bucketMs = 100;

/** Creates the cache and lock; tests pass some with a bug. */
export type NewCache = (clock: VirtualClock) => SharedRates;

/** @throws {InvariantError} */
export async function runCrowd(
  scenario: Scenario,
  workers: number,
  seed: number,
  cache?: NewCache,
): Promise<CrowdResult> {
  const crowd = new Crowd(scenario, workers, seed, cache);
  await crowd.run();
  return crowd.result();
}

export class Crowd {
  readonly clock = new VirtualClock();
  readonly redis: RedisServer;
  readonly api: RatesServer;
  readonly #workers: Worker[];
  readonly #times: RatesTimes;
  readonly #random: Random;
  readonly #stop = new AbortController();
  #violation: InvariantError | undefined;

  constructor(
    private readonly scenario: Scenario,
    workers: number,
    private readonly seed: number,
    cache: NewCache = (clock) => new MemoryRates(clock),
  ) {
    const { clock } = this;
    const random = this.#random = seededRandom(seed);
    this.#times = { ...defaultTimes, ...scenario.times };
    this.redis = new RedisServer(clock, random, scenario.network, cache(clock), (what) => this.#violated(what));
    this.api = new RatesServer(clock, random, scenario.answerMs, callTimeoutMs);
    this.#workers = Array.from({ length: workers }, (_, id) =>
      new Worker({
        ...{ id, seed: seed * 100_003 + id, clock, redis: this.redis, api: this.api, times: this.#times },
        ...{ batchEveryMs: scenario.batchEveryMs, stop: this.#stop.signal },
      }));
  }

  async run(): Promise<void> {
    const { clock, scenario } = this;
    for (const worker of this.#workers) {
      worker.work(this.#random.next() * scenario.startWithinMs).catch((error) => this.#violated(String(error)));
    }
    for (const { atMs, act } of scenario.script) {
      await this.#advanceTo(atMs);
      act(this);
    }
    await this.#advanceTo(scenario.endMs);
    this.#stop.abort(new Error("the run is over"));
    await clock.advance(0);
    this.#checkCalls();
    if (this.#violation) throw this.#violation;
  }

  /** Kills the worker that called last. It holds the lock if its call is still unanswered. */
  killLastCaller(): void {
    const last = this.api.calls.at(-1);
    if (!last) throw new RangeError("nobody has called yet");
    this.#workers[last.worker]!.kill();
  }

  result(): CrowdResult {
    const { from, to } = this.scenario;
    const alive = this.#workers.filter((worker) => worker.alive);
    const got = alive.map(({ gotAt }) => gotAt.find((at) => at >= from))
      .filter((at) => at !== undefined).map((at) => at - from).sort((a, b) => a - b);
    const looks = this.redis.looksAt.filter((at) => at >= from && at < to);
    const buckets = new Map<number, number>();
    for (const at of looks) buckets.set(Math.floor(at / bucketMs), (buckets.get(Math.floor(at / bucketMs)) ?? 0) + 1);
    return {
      calls: this.api.calls.length,
      loneCalls: this.api.calls.filter(({ alone }) => alone).length,
      peakLooks: Math.max(0, ...buckets.values()) * 1_000 / bucketMs,
      meanLooks: looks.length * 1_000 / (to - from),
      firstMs: got[0],
      allMs: got[alive.length - 1],
      timeouts: this.#workers.reduce((sum, { timedOutAt }) => sum + timedOutAt.length, 0),
      staleUses: this.#workers.reduce((sum, { source }) => sum + source.counts.staleUses, 0),
    };
  }

  async #advanceTo(atMs: number): Promise<void> {
    await this.clock.advance(atMs - this.clock.monotonic());
  }

  /** Checks that rates are stored at most once per TTL, and that a worker without Redis calls at most once per TTL. */
  #checkCalls(): void {
    const { RATES_TTL_MS } = this.#times;
    const tooSoon = (times: readonly number[]) => times.some((at, i) => i > 0 && at - times[i - 1]! < RATES_TTL_MS);
    if (tooSoon(this.redis.writtenAt)) this.#violated("rates were stored twice within RATES_TTL_MS");
    const lone = this.api.calls.filter(({ alone }) => alone);
    for (const own of Map.groupBy(lone, ({ worker }) => worker).values()) {
      if (tooSoon(own.map(({ atMs }) => atMs))) {
        this.#violated("a worker without Redis called the rates API twice within RATES_TTL_MS");
      }
    }
  }

  #violated(what: string): void {
    this.#violation ??= new InvariantError(this.seed, what, Math.round(this.clock.monotonic()));
  }
}
