/** One subscriber process: all its real parts, over simulated connections. A run can pause, stop and kill it. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { type Random, seededRandom } from "../../shared/runtime/random.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { createSubscriber, type Subscriber } from "../../subscriber/create_subscriber.ts";
import { openEventQueue } from "../../subscriber/event_queue.ts";
import { DatabaseGate } from "../../subscriber/pipeline/database_gate.ts";
import { Stats } from "../../subscriber/pipeline/stats.ts";
import type { Store } from "../../subscriber/pipeline/edges.ts";
import type { Player } from "../../subscriber/enriched/enriched.ts";
import { type RatesApi, RatesUnavailable } from "../../subscriber/rates/client.ts";
import type { RatesTimes } from "../../subscriber/rates/source.ts";
import { playerNamed, ratesOf } from "../fixtures/deliveries.ts";
import { names } from "./broker.ts";
import { asChannelModel, type Owner, type SimulatedConnection } from "./connection.ts";
import { sentBy } from "./invariants.ts";
import { type Dependency, readOnlyError, type World } from "./world.ts";

export interface Settings {
  readonly times: RatesTimes;
  readonly callTimeoutMs: number;
  readonly batchSize: number;
  readonly prefetch: number;
}

const slowestAnswerMs = 150;
/** Share of connections that are dropped when their server becomes read-only. */
const droppedShare = 0.5;

export class Process implements Owner {
  #alive = true;
  #resumed: { promise: Promise<void>; resolve: () => void } | undefined;
  readonly #held: (() => void)[] = [];
  readonly #connections: SimulatedConnection[] = [];
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  readonly #random: Random;
  readonly #ended: Promise<void>;
  #lastLoneCallAt = -Infinity;
  /** The primary that each database connection leads to. */
  readonly #primaries: number[];

  constructor(private readonly world: World, private readonly settings: Settings, id: string, seed: number) {
    this.#random = seededRandom(seed);
    this.#primaries = [world.primary, world.primary];
    this.#ended = this.#live(id).catch((error) => this.world.ledger.violated(`${id} failed: ${error}`));
  }

  get hasAbandoned(): boolean {
    return this.#abandon.signal.aborted;
  }

  /** Handles an arrival: it waits while the process is paused, and is dropped once the process is dead. */
  run(arrived: () => void): void {
    if (!this.#alive) return;
    if (this.#resumed) this.#held.push(arrived);
    else arrived();
  }

  /** Kills the process as SIGKILL does: its connections break, and nothing that it still does has any effect. */
  kill(): void {
    this.#alive = false;
    for (const connection of this.#connections) connection.cut();
    this.resume();
  }

  /** Stops the process as SIGTERM does, with a grace period. Resolves when the process has left or died. */
  async leave(graceMs: number): Promise<void> {
    this.#stop.abort(new Error("leaving"));
    this.world.clock.sleep(graceMs).then(() => this.#abandon.abort(new Error("the grace period is over")));
    await this.#ended;
  }

  /** Pauses the process as SIGSTOP does. */
  pause(): void {
    this.#resumed ??= Promise.withResolvers<void>();
  }

  resume(): void {
    const resumed = this.#resumed;
    this.#resumed = undefined;
    for (const arrived of this.#held.splice(0)) this.run(arrived);
    resumed?.resolve();
  }

  async #live(id: string): Promise<void> {
    const { world, settings } = this;
    const clock = this.#ownClock();
    const common = { clock, random: this.#random, log: silentLog };
    const broker = {
      ...common,
      url: "amqp://simulated",
      connect: async () => {
        const connection = await this.#reach(world.connect(this));
        this.#connections.push(connection);
        return asChannelModel(connection);
      },
    };
    const store: Store = {
      save: (events) => this.#act("database", () => this.#write(() => world.save(events))),
      dryRun: (events) => this.#act("database", () => this.#write(() => world.refuse(events))),
    };
    const gate = new DatabaseGate(clock);
    const queueSettings = { ...names, EVENTS_SHARDS: world.shards, PREFETCH: settings.prefetch };
    const queue = openEventQueue(broker, queueSettings, id, gate);
    const subscriber: Subscriber = createSubscriber(
      {
        queue: world.mutation?.queue?.(queue.consumer) ?? queue.consumer,
        shared: sentBy((command) => this.#act("redis", command), () => world.sharedRates),
        api: this.#ratesApi(() => subscriber.rates.alone),
        players: { find: (ids: readonly bigint[]) => this.#act("database", () => playersOf(ids)) },
        store,
      },
      {
        ...settings,
        subscriberId: id,
        ratesTimes: settings.times,
        abandon: this.#abandon.signal,
        ...common,
        stats: new Stats(),
        gate,
        report: async (events) => {
          await this.#reach(world.clock.sleep(this.#random.int(0, 20)));
          for (const { messageId } of events) world.ledger.reported.add(messageId);
        },
      },
    );
    this.#stop.signal.addEventListener("abort", () => queue.consumer.stopTaking());
    await subscriber.runner.run(this.#stop.signal, this.#abandon.signal);
    await queue.close();
  }

  /**
   * Writes over one of two connections. A connection stays with a demoted server until the server has refused a write,
   * or a few times longer.
   */
  #write<T>(write: () => T): T {
    const { world } = this;
    const n = this.#random.int(0, this.#primaries.length - 1);
    if (this.#primaries[n] === world.primary) return write();
    if (this.#random.next() < (world.mutation?.droppedShare ?? droppedShare)) this.#primaries[n] = world.primary;
    throw readOnlyError();
  }

  #ownClock(): Clock {
    const { clock } = this.world;
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => this.#reach(clock.sleep(ms, signal)),
    };
  }

  #ratesApi(isAlone: () => boolean): RatesApi {
    const { world, settings } = this;
    return {
      fetch: async (signal) => {
        world.ratesCalls++;
        if (isAlone()) this.#checkLoneCall();
        const takesMs = world.luck(this.#random, 0.2) ? this.#random.int(500, 4_000) : this.#random.int(5, 300);
        const late = takesMs > settings.callTimeoutMs;
        const waiting = world.clock.sleep(Math.min(takesMs, settings.callTimeoutMs), signal);
        await this.#reach(waiting).catch(() => {
          throw new RatesUnavailable("abandoned", "simulated");
        });
        if (late) throw new RatesUnavailable("deadline", "simulated");
        if (world.away.has("rates-api") || world.luck(this.#random, 0.2)) {
          throw new RatesUnavailable("unavailable", "simulated");
        }
        // The API's servers are not in step: some answers are slightly older than others.
        return ratesOf(
          allRates,
          Date.UTC(2024, 5, 28) + Math.floor(world.clock.monotonic()) - this.#random.int(0, 3_000),
        );
      },
    };
  }

  #checkLoneCall(): void {
    const { clock } = this.world;
    const now = clock.monotonic() + clock.setAheadMs;
    const { RATES_TTL_MS } = this.settings.times;
    if (now < this.#lastLoneCallAt + RATES_TTL_MS) {
      this.world.ledger.violated("a process without Redis called the rates API twice within RATES_TTL_MS");
    }
    this.#lastLoneCallAt = now;
  }

  /** Runs an action on a server: late, sometimes refused, sometimes applied although the answer is lost. */
  async #act<T>(on: Dependency, action: () => T | Promise<T>): Promise<T> {
    const { world } = this;
    const random = this.#random;
    await this.#reach(world.clock.sleep(random.int(0, slowestAnswerMs)));
    if (world.away.has(on) || world.luck(random, 0.05)) throw awayOf(on);
    const result = await action();
    await this.#reach(world.clock.sleep(random.int(0, slowestAnswerMs)));
    if (world.luck(random, 0.05)) throw awayOf(on);
    return result;
  }

  /** Waits while the process is paused, and never settles once it is dead. */
  async #reach<T>(waiting: Promise<T>): Promise<T> {
    try {
      return await waiting;
    } finally {
      while (this.#resumed) await this.#resumed.promise;
      if (!this.#alive) await new Promise(() => {});
    }
  }
}

const allRates = { USD: "1.0705", JPY: "171.94", GBP: "0.84638", NZD: "1.7601", BTC: "0.0000176" };

/** SQLSTATE 08006: connection_failure. */
function awayOf(what: Dependency): Error {
  return Object.assign(new Error(`${what} is away`), { code: "08006" });
}

function playersOf(ids: readonly bigint[]): ReadonlyMap<bigint, Player> {
  const known = ids.filter((id) => id >= 10n && id <= 14n);
  return new Map(known.map((id) => [id, playerNamed(`${id}@example.com`)]));
}
