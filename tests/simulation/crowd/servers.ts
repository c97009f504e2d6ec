/** The servers of a crowd of workers: one rates API, and one Redis, which runs one command at a time. */
import type { Random } from "../../../shared/runtime/random.ts";
import { type RatesApi, RatesUnavailable } from "../../../subscriber/rates/client.ts";
import type { SharedRates } from "../../../subscriber/rates/shared_rates.ts";
import { ratesOf } from "../../fixtures/deliveries.ts";
import type { VirtualClock } from "../../fixtures/virtual_clock.ts";
import { LockWatch, sentBy } from "../invariants.ts";

/** Draws a packet's one-way transit time, in ms. */
export type Network = (random: Random) => number;

/**
 * CPU time of Redis 7.0.15 for one look-up of cache and lock: 15 µs while the lock is held, 20 µs with rates in the
 * answer.
 */
const lookMs = 0.02;
/** The value of shared/redis/client.ts. */
const commandTimeoutMs = 1_000;

export class RedisServer {
  away = false;
  /** Arrival time of each look-up, in whole virtual ms. */
  readonly looksAt: number[] = [];
  /** Times at which rates were stored in Redis. */
  readonly writtenAt: number[] = [];
  #busyUntil = 0;
  readonly #shared: SharedRates;

  /**
   * @param cache runs the commands
   * @param violated called for each broken invariant
   */
  constructor(
    private readonly clock: VirtualClock,
    private readonly random: Random,
    private readonly network: Network,
    cache: SharedRates,
    violated: (what: string) => void,
  ) {
    this.#shared = new LockWatch(clock, violated).around(cache);
  }

  /** Returns the cache as one worker reaches it. */
  asSeen(): SharedRates {
    const shared = this.#shared;
    const send = <T>(command: () => Promise<T>) => this.#serve(command);
    return sentBy(send, () => ({
      ...shared,
      lookOrLock: (token, ttlMs) => {
        this.looksAt.push(Math.floor(this.clock.monotonic()));
        return shared.lookOrLock(token, ttlMs);
      },
      write: async (token, rates, life) => {
        const written = await shared.write(token, rates, life);
        if (written === "written") this.writtenAt.push(this.clock.monotonic());
        return written;
      },
    }));
  }

  /** Runs the command. A command whose answer times out still takes effect. */
  async #serve<T>(command: () => Promise<T>): Promise<T> {
    const { clock, random } = this;
    const begun = clock.monotonic();
    await clock.sleep(this.network(random));
    if (this.away) throw new Error("Redis is away");
    const answer = await command();
    const now = clock.monotonic();
    this.#busyUntil = Math.max(this.#busyUntil, now) + lookMs;
    const took = this.#busyUntil + this.network(random) - begun;
    await clock.sleep(Math.min(took, commandTimeoutMs) - (now - begun));
    if (took > commandTimeoutMs) throw new Error("Command timed out");
    return answer;
  }
}

/** Time until a stopped server refuses a connection. */
const refusalMs = 2;
const startMs = Date.UTC(2024, 5, 28);

export interface Call {
  readonly worker: number;
  /** Virtual ms. */
  readonly atMs: number;
  /** Whether the worker had no Redis. */
  readonly alone: boolean;
}

export class RatesServer {
  down = false;
  readonly calls: Call[] = [];

  /** @param answerMs draws the answer time */
  constructor(
    private readonly clock: VirtualClock,
    private readonly random: Random,
    public answerMs: (random: Random) => number,
    private readonly callTimeoutMs: number,
  ) {}

  /** Returns the API as one worker reaches it. */
  asSeen(worker: number, isAlone: () => boolean): RatesApi {
    return {
      fetch: async (signal) => {
        const { clock } = this;
        this.calls.push({ worker, atMs: clock.monotonic(), alone: isAlone() });
        const takesMs = this.down ? refusalMs : this.answerMs(this.random);
        await clock.sleep(Math.min(takesMs, this.callTimeoutMs), signal).catch(() => {
          throw new RatesUnavailable("abandoned", "simulated");
        });
        if (takesMs > this.callTimeoutMs) throw new RatesUnavailable("deadline", "simulated");
        if (this.down) throw new RatesUnavailable("unavailable", "simulated");
        return ratesOf({ USD: "1.0705" }, startMs + Math.floor(clock.monotonic()));
      },
    };
  }
}
