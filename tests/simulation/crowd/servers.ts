/** The servers of a crowd of workers: one Redis, which serves one command after the other, and one rates API. */
import type { Random } from "../../../shared/runtime/random.ts";
import { type RatesApi, RatesUnavailable } from "../../../subscriber/rates/client.ts";
import type { SharedRates } from "../../../subscriber/rates/shared_rates.ts";
import { ratesOf } from "../../fixtures/deliveries.ts";
import type { VirtualClock } from "../../fixtures/virtual_clock.ts";
import { LockWatch, sentBy } from "../invariants.ts";

/** How long a packet takes one way, in ms. */
export type Network = (random: Random) => number;

/** CPU of Redis 7.0.15 for one look at cache and lock: 15 µs while the lock is held, 20 µs with rates in the answer. */
const lookMs = 0.02;
/** As in shared/redis/client.ts. */
const commandTimeoutMs = 1_000;

export class RedisServer {
  away = false;
  /** When each look arrived, in whole virtual ms. */
  readonly looksAt: number[] = [];
  /** When rates were stored for all. */
  readonly writtenAt: number[] = [];
  #busyUntil = 0;
  readonly #shared: SharedRates;

  /**
   * @param cache runs the commands
   * @param violated told of each broken invariant
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

  /** As one worker sees it. */
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

  /** A command whose answer comes too late has had its effect all the same. */
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

/** How soon a server that is down refuses a connection. */
const refusalMs = 2;
const startMs = Date.UTC(2024, 5, 28);

export interface Call {
  readonly worker: number;
  /** Virtual ms. */
  readonly atMs: number;
  /** Made without Redis. */
  readonly alone: boolean;
}

export class RatesServer {
  down = false;
  readonly calls: Call[] = [];

  /** @param answerMs how long an answer takes */
  constructor(
    private readonly clock: VirtualClock,
    private readonly random: Random,
    public answerMs: (random: Random) => number,
    private readonly callTimeoutMs: number,
  ) {}

  /** As one worker sees it. */
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
