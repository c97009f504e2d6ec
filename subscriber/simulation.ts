/**
 * The real pipeline of several subscribers over queue, cache, rates API and database in memory, under virtual time and
 * seeded faults: delays at every await, errors before and after the effect, subscribers that die at any instant. The same
 * seed gives the same run.
 */
import type { Delivery, EventQueue, Settlement } from "../shared/amqp/delivery.ts";
import { MemoryQueue } from "../shared/amqp/memory_queue.ts";
import type { Clock } from "../shared/clock.ts";
import type { Event } from "../shared/event.ts";
import { type Random, seededRandom } from "../shared/random.ts";
import { silentLog } from "../shared/telemetry/log.ts";
import { VirtualClock } from "../shared/testing/virtual_clock.ts";
import type { Enriched } from "./enriched.ts";
import { MemoryDatabase } from "./memory_database.ts";
import { type RatesApi, RatesUnavailable } from "./rates/client.ts";
import { MemoryRates } from "./rates/memory_rates.ts";
import type { SharedRates } from "./rates/shared_rates.ts";
import { RatesSource } from "./rates/source.ts";
import { Stats } from "./stats.ts";
import { Subscriber } from "./subscriber.ts";
import { bet, deliveryOf, deposit, gameStart, someRates } from "./testing.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly subscribers?: number;
  readonly events?: number;
}

/** What a run came to; a run that breaks an invariant throws instead, naming its seed. */
export interface SimulationResult {
  readonly stored: number;
  readonly dead: number;
  readonly kills: number;
  readonly ratesCalls: number;
}

/** An invariant did not hold. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
  constructor(seed: number, what: string) {
    super(`seed ${seed}: ${what}`);
  }
}

const times = { RATES_TTL_MS: 20_000, RATES_LOCK_TTL_MS: 3_000, RATES_WAIT_MS: 5_000, RATES_MAX_STALE_MS: 0 };
/** How long things go wrong, and how long everything may then take to settle, in virtual ms. */
const [troubleMs, healMs] = [60_000, 60_000];
const away = Object.assign(new Error("the connection is gone"), { code: "08006" });

export async function simulate({ seed, subscribers = 3, events = 60 }: SimulationOptions): Promise<SimulationResult> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const world = new World(seed, clock, random);
  const published = publishOverTime(world, events);
  let running = Array.from({ length: subscribers }, (_, n) => new Process(world, seed * 100 + n));
  let kills = 0;
  for (let passed = 0; passed < troubleMs;) {
    const step = random.int(200, 4_000);
    await clock.advance(step);
    passed += step;
    world.check();
    if (random.next() < 0.3) {
      const victim = random.int(0, running.length - 1);
      running[victim]?.kill();
      running = running.with(victim, new Process(world, seed * 1_000 + ++kills));
    }
  }
  world.healed = true;
  for (let passed = 0; passed < healMs && !world.isSettled(published); passed += 500) await clock.advance(500);
  world.check();
  world.checkOutcome(published);
  for (const process of running) process.kill();
  return { stored: world.database.events.size, dead: world.queue.dead.length, kills, ratesCalls: world.ratesCalls };
}

class World {
  readonly queue: MemoryQueue;
  readonly database = new MemoryDatabase();
  readonly rates: MemoryRates;
  ratesCalls = 0;
  healed = false;

  constructor(readonly seed: number, readonly clock: VirtualClock, readonly random: Random) {
    this.queue = new MemoryQueue(clock);
    this.rates = new MemoryRates(clock);
  }

  /** Nothing is acked before it is stored. Checked after every step. */
  check(): void {
    for (const messageId of this.queue.acked) {
      if (!this.database.events.has(messageId)) {
        throw new InvariantError(this.seed, `${messageId} was acked but is not stored`);
      }
    }
    const calls = this.clock.monotonic() / 500 + 2;
    if (this.ratesCalls > calls) throw new InvariantError(this.seed, `${this.ratesCalls} calls to the rates API`);
  }

  isSettled(published: readonly Delivery[]): boolean {
    return published.every(({ messageId }) => this.database.events.has(messageId) || this.isDead(messageId)) &&
      this.queue.ready === 0 && this.queue.unsettled === 0;
  }

  /** Once the trouble is over everything has come to its end, and to the right one. */
  checkOutcome(published: readonly Delivery[]): void {
    if (!this.isSettled(published)) {
      throw new InvariantError(
        this.seed,
        `${this.queue.ready} waiting and ${this.queue.unsettled} unsettled at the end`,
      );
    }
    for (const { delivery, outcome } of this.queue.dead) {
      const isBad = delivery.body.length === 0;
      if (isBad !== (outcome.reason === "invalid")) {
        throw new InvariantError(this.seed, `dead-lettered as ${outcome.reason}: ${outcome.detail}`);
      }
      if (!isBad && outcome.reason !== "rates-timeout") {
        throw new InvariantError(this.seed, `dead-lettered as ${outcome.reason}`);
      }
    }
    for (const { price, event } of this.database.events.values()) {
      if ("currency" in event && price === undefined) throw new InvariantError(this.seed, "stored without its price");
    }
  }

  private isDead(id: string): boolean {
    return this.queue.dead.some(({ delivery }) => delivery.messageId === id);
  }
}

/** One subscriber's process: once it is killed, nothing that it still does has any effect. */
class Process implements EventQueue {
  #alive = true;
  readonly #held = new Map<string, Delivery>();
  readonly #stop = new AbortController();
  readonly #random: Random;

  constructor(private readonly world: World, seed: number) {
    this.#random = seededRandom(seed);
    const { clock } = world;
    const ownClock: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => this.#reach(clock.sleep(ms, signal)),
    };
    const common = { clock: ownClock, random: this.#random, log: silentLog };
    const rates = new RatesSource({
      ...common,
      shared: this.#sharedRates(),
      api: this.#ratesApi(),
      times,
      signal: this.#stop.signal,
    });
    const database = {
      find: (ids: readonly bigint[]) => this.#act(() => world.database.find(ids)),
      save: (events: readonly Enriched[]) => this.#act(() => world.database.save(events)),
    };
    const subscriber = new Subscriber({
      ...common,
      queue: this,
      rates,
      stages: { players: database, store: database },
      report: () => this.#act(() => Promise.resolve(), 0),
      windowSize: 8,
      windowsInFlight: 2,
      retryDelays: [],
      stats: new Stats(),
    });
    subscriber.run(this.#stop.signal, this.#stop.signal).catch(() => {});
  }

  /** The broker notices, and gives what was in hand to others. */
  kill(): void {
    this.#alive = false;
    for (const delivery of this.#held.values()) this.world.queue.settle([{ delivery, outcome: { kind: "retry" } }]);
    this.#held.clear();
    this.#stop.abort(new Error("killed"));
  }

  async take(limit: number, signal: AbortSignal): Promise<Delivery[]> {
    const taken = await this.world.queue.take(limit, signal);
    for (const delivery of taken) this.#held.set(delivery.messageId, delivery);
    return taken;
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    await this.#reach(this.world.clock.sleep(this.#random.int(0, 50)));
    for (const settlement of settlements) {
      if (!this.#held.delete(settlement.delivery.messageId)) {
        throw new InvariantError(this.world.seed, "settled what it does not hold");
      }
      await this.world.queue.settle([settlement]);
    }
  }

  /** An action on a server: late, sometimes refused, sometimes done although the answer is lost. */
  async #act<T>(action: () => Promise<T>, share = 0.15): Promise<T> {
    const { clock, healed } = this.world;
    await this.#reach(clock.sleep(this.#random.int(0, 200)));
    const luck = this.#random.next();
    if (!healed && luck < share / 2) throw away;
    const result = await action();
    await this.#reach(clock.sleep(this.#random.int(0, 200)));
    if (!healed && luck > 1 - share / 2) throw away;
    return result;
  }

  #sharedRates(): SharedRates {
    const { rates } = this.world;
    return {
      lookOrLock: (token, ttl) => this.#act(() => rates.lookOrLock(token, ttl), 0.05),
      write: (token, value, life) => this.#act(() => rates.write(token, value, life), 0.05),
      pause: (token, ms) => this.#act(() => rates.pause(token, ms), 0.05),
      release: (token) => this.#act(() => rates.release(token), 0.05),
    };
  }

  #ratesApi(): RatesApi {
    return {
      fetch: async () => {
        this.world.ratesCalls++;
        const slow = !this.world.healed && this.#random.next() < 0.3;
        await this.#reach(this.world.clock.sleep(slow ? 2_000 : this.#random.int(10, 500)));
        if (slow || (!this.world.healed && this.#random.next() < 0.3)) {
          throw new RatesUnavailable("unavailable", "simulated");
        }
        return someRates;
      },
    };
  }

  /** What a dead process waited for never comes. */
  async #reach<T>(waiting: Promise<T>): Promise<T> {
    try {
      return await waiting;
    } finally {
      if (!this.#alive) await new Promise(() => {});
    }
  }
}

function publishOverTime({ queue, clock, random }: World, count: number): Delivery[] {
  const makers: (() => Event | Uint8Array)[] = [
    bet,
    bet,
    deposit,
    gameStart,
    () => bet({ currency: "JPY" }),
    () => new Uint8Array(),
  ];
  const deliveries = Array.from({ length: count }, (_, n) => {
    const id = `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;
    return deliveryOf(makers[random.int(0, makers.length - 1)]!(), id);
  });
  (async () => {
    for (const delivery of deliveries) {
      await clock.sleep(random.int(0, 2 * (troubleMs - 10_000) / count));
      queue.publish(delivery);
    }
  })();
  return deliveries;
}
