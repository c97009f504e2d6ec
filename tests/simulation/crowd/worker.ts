/** The rates part of one subscriber, with a steady flow of batches that need rates. */
import type { Clock } from "../../../shared/runtime/clock.ts";
import { type Random, seededRandom } from "../../../shared/runtime/random.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import type { VirtualClock } from "../../fixtures/virtual_clock.ts";
import { RatesSource, RatesTimeout, type RatesTimes } from "../../../subscriber/rates/source.ts";
import { sentBy } from "../invariants.ts";
import type { RatesServer, RedisServer } from "./servers.ts";

export interface WorkerOptions {
  readonly id: number;
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly redis: RedisServer;
  readonly api: RatesServer;
  readonly times: RatesTimes;
  /** Average time between two batches that need rates, in ms. */
  readonly batchEveryMs: number;
  readonly stop: AbortSignal;
}

export class Worker {
  readonly source: RatesSource;
  /**
   * Times, in virtual ms, at which a batch got fresh rates, at once or after a wait. Later batches within the same
   * freshness are omitted.
   */
  readonly gotAt: number[] = [];
  /** Times at which a wait timed out: each dead-letters the events of one batch. */
  readonly timedOutAt: number[] = [];
  #alive = true;
  readonly #random: Random;

  constructor(private readonly options: WorkerOptions) {
    const { id, seed, clock, redis, api, times, stop } = options;
    this.#random = seededRandom(seed);
    const seen = redis.asSeen();
    this.source = new RatesSource({
      shared: sentBy((command) => this.#send(command), () => seen),
      api: api.asSeen(id, () => this.source.alone),
      holder: `worker-${id}`,
      times,
      clock: this.#mortal(clock),
      random: this.#random,
      log: silentLog,
      signal: stop,
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Kills the worker as SIGKILL does: nothing that it still does has any effect. */
  kill(): void {
    this.#alive = false;
  }

  /** @param inMs time until its first batch */
  async work(inMs: number): Promise<void> {
    const { clock, stop, batchEveryMs } = this.options;
    const random = this.#random;
    await clock.sleep(inMs);
    while (this.#alive && !stop.aborted) {
      if (!this.source.current()) await this.#wait();
      // While the local copy is fresh, a batch sends no request. Skip to the first batch after that.
      const freshMs = Math.max(0, this.source.own?.freshMs ?? 0);
      if (freshMs > 0) this.gotAt.push(clock.monotonic());
      await clock.sleep(freshMs + random.next() * 2 * batchEveryMs);
    }
  }

  async #wait(): Promise<void> {
    try {
      await this.#reach(this.source.get());
    } catch (error) {
      if (error instanceof RatesTimeout) this.timedOutAt.push(this.options.clock.monotonic());
      else if (!this.options.stop.aborted) throw error;
    }
  }

  async #send<T>(command: () => Promise<T>): Promise<T> {
    if (!this.#alive) await new Promise(() => {});
    return await this.#reach(command());
  }

  #mortal(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => this.#reach(clock.sleep(ms, signal)),
    };
  }

  /** Never settles once the worker is dead. */
  async #reach<T>(waiting: Promise<T>): Promise<T> {
    try {
      return await waiting;
    } finally {
      if (!this.#alive) await new Promise(() => {});
    }
  }
}
