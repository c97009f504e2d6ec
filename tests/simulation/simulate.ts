/**
 * Runs the real code of publisher, subscribers and replay over an in-memory broker, database, cache and rates API,
 * under virtual time.
 *
 * The seed decides everything: the settings, the duration of each step, which step fails before or after its effect,
 * and which process is killed, paused or cut off, and when. The same seed gives the same run, message for message.
 */
import type { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { type Random, seededRandom } from "../../shared/runtime/random.ts";
import { VirtualClock } from "../fixtures/virtual_clock.ts";
import { names } from "./broker.ts";
import { InvariantError } from "./invariants.ts";
import { type MutationName, mutations } from "./mutations.ts";
import { Process, type Settings } from "./process.ts";
import { deadReasons, openPublisher, publishHeavy, publishOverTime, replayCurable } from "./publishing.ts";
import { World } from "./world.ts";

const nothing = { published: 0, stored: 0, dead: 0, replayed: 0, redelivered: 0, kills: 0, ratesCalls: 0 };

/** The counts of a run. A run that breaks an invariant throws an `InvariantError` with its seed instead. */
export type SimulationResult = typeof nothing;

/** Duration of the faults, and the longest time to settle afterwards, in virtual ms. */
const [troubleMs, settleMs] = [30_000, 300_000];
const quietMs = 15_000;
const subscribers = 3;
const replayRounds = 5;
/** Longer than any backoff. */
const longestReadOnlyMs = 20_000;
/** Share of runs whose messages exceed the bytes that a subscriber may hold. */
const heavyShare = 0.05;

/** @throws {InvariantError} */
export async function simulate(seed: number, mutation?: MutationName, shards = 1): Promise<SimulationResult> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const world = new World(seed, clock, random, mutation && mutations[mutation], shards);
  const run = new Run(world, drawSettings(random));
  await run.trouble();
  const replayed = await run.peace();
  return {
    published: world.ledger.published.size,
    stored: world.ledger.stored.size,
    dead: world.broker.ready(names.DEAD_LETTER_QUEUE),
    replayed,
    redelivered: world.ledger.redelivered,
    kills: world.kills.count,
    ratesCalls: world.ratesCalls,
  };
}

/** Runs one seed after the other until `mostFailures` have failed, and adds up the counts of the passing runs. */
export async function simulateSeeds(
  { first = 1, count, mutation, shards = 1, mostFailures = 1, onFailure }: {
    readonly first?: number;
    readonly count: number;
    readonly mutation?: MutationName | undefined;
    readonly shards?: number;
    readonly mostFailures?: number;
    readonly onFailure?: (failure: InvariantError) => void;
  },
): Promise<{ ran: number; failures: InvariantError[]; sums: SimulationResult }> {
  const failures: InvariantError[] = [];
  const sums = { ...nothing };
  let ran = 0;
  for (; ran < count && failures.length < mostFailures; ran++) {
    try {
      const result = await simulate(first + ran, mutation, shards);
      for (const name of Object.keys(sums) as (keyof SimulationResult)[]) sums[name] += result[name];
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      failures.push(error);
      onFailure?.(error);
    }
  }
  return { ran, failures, sums };
}

function drawSettings(random: Random): Settings {
  const pick = <T>(...choices: readonly T[]) => choices[random.int(0, choices.length - 1)]!;
  return {
    times: {
      RATES_TTL_MS: pick(1_000, 5_000, 20_000),
      RATES_LOCK_TTL_MS: 1_500,
      RATES_WAIT_MS: pick(2_000, 5_000),
      RATES_MAX_STALE_MS: pick(0, 0, 10_000),
    },
    callTimeoutMs: 1_000,
    batchSize: pick(1, 5, 20),
    prefetch: pick(2, 10, 50, 200),
  };
}

class Run {
  readonly #processes: Process[];
  readonly #publisher: ConfirmPublisher;
  readonly #publishing: Promise<void>;
  #started = 0;

  constructor(private readonly world: World, private readonly settings: Settings) {
    this.#processes = Array.from({ length: subscribers }, () => this.#start());
    this.#publisher = openPublisher(world, "publisher");
    this.#publishing = publishOverTime(world, this.#publisher, troubleMs);
  }

  async trouble(): Promise<void> {
    const { world } = this;
    const { clock, random } = world;
    if (random.next() < heavyShare) clock.sleep(random.int(1_000, troubleMs)).then(() => publishHeavy(world));
    while (clock.monotonic() < troubleMs) {
      await this.#advance(random.int(20, 1_500));
      this.#breakSomething();
    }
  }

  /** @returns the number of replayed dead letters */
  async peace(): Promise<number> {
    const { world } = this;
    world.healed = true;
    world.away.clear();
    world.takesNothing = false;
    world.readOnly = false;
    world.setBlocked(false);
    for (const process of this.#processes) process.resume();
    await this.#untilDone("all is published", this.#publishing);
    await this.#untilSettled();
    // The lowered limit stays until here, and has to go: a letter above it could not be replayed.
    world.broker.mostMessageBytes = Infinity;
    let replayed = 0;
    for (let round = 0; round < replayRounds; round++) {
      const count = await this.#during(replayCurable(world));
      if (count === 0) break;
      replayed += count;
      await this.#untilSettled();
    }
    const leaving = Promise.all(this.#processes.map((process) => process.leave(5_000)));
    await this.#untilDone("all have left", leaving);
    const closing = this.#publisher.close();
    await this.#untilDone("the publisher has left", closing);
    world.ledger.checkEnd(world.broker, deadReasons(world));
    this.#throwIfViolated();
    return replayed;
  }

  #start(): Process {
    const n = ++this.#started;
    return new Process(this.world, this.settings, `subscriber-${n}`, this.world.seed * 1_000 + n);
  }

  /** Breaks one thing at random, or nothing. */
  #breakSomething(): void {
    const { world } = this;
    const { random, clock } = world;
    const n = random.int(0, this.#processes.length - 1);
    const victim = this.#processes[n]!;
    const later = (ms: number, act: () => void) => void clock.sleep(ms).then(act);
    const takeAway = (what: "broker" | "database" | "redis" | "rates-api") => {
      world.away.add(what);
      later(random.int(200, 6_000), () => world.away.delete(what));
    };
    switch (random.int(0, 18)) {
      case 0:
      case 1:
        world.kills.count++;
        victim.kill();
        this.#processes[n] = this.#start();
        break;
      case 2:
        victim.resume();
        victim.leave(random.int(0, 3_000));
        this.#processes[n] = this.#start();
        break;
      case 3:
      case 4:
        victim.pause();
        later(random.int(100, 6_000), () => victim.resume());
        break;
      case 5:
      case 6:
        world.cutOne();
        break;
      case 7:
        world.cutAll();
        takeAway("broker");
        break;
      case 8:
        takeAway("database");
        break;
      case 9:
        takeAway("redis");
        if (random.next() < 0.5) world.flushRedis();
        break;
      case 10:
        takeAway("rates-api");
        break;
      case 11:
        world.setBlocked(true);
        later(random.int(200, 4_000), () => world.setBlocked(false));
        break;
      case 12:
        clock.jump(random.int(-3_600_000, 3_600_000));
        break;
      case 13:
        world.takesNothing = true;
        later(random.int(200, 8_000), () => world.takesNothing = false);
        break;
      case 14:
        world.readOnly = true;
        later(random.int(200, longestReadOnlyMs), () => world.readOnly = false);
        break;
      case 15:
        world.primary++;
        break;
      case 16:
        world.broker.mostMessageBytes = random.int(1_000, 10_000);
        if (random.next() < 0.5) later(random.int(200, 8_000), () => world.broker.mostMessageBytes = Infinity);
        break;
    }
  }

  /**
   * Waits until everything stays settled: a publisher that lost a confirm republishes seconds later, once it is
   * connected.
   */
  async #untilSettled(): Promise<void> {
    do {
      await this.#until("everything is settled", () => this.#isSettled());
      await this.#advance(quietMs);
    } while (!this.#isSettled());
  }

  #isSettled(): boolean {
    const { world } = this;
    const { ledger, broker } = world;
    for (const [queue, count] of broker.waiting()) {
      if (queue !== names.DEAD_LETTER_QUEUE && count > 0) return false;
    }
    if (broker.unsettled > 0) return false;
    const dead = deadReasons(world);
    return [...ledger.confirmed].every((id) => ledger.stored.has(id) || dead.has(id));
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    await this.#untilDone("a command is done", work);
    return await work;
  }

  async #untilDone(what: string, work: Promise<unknown>): Promise<void> {
    let done = false;
    work.then(() => done = true, () => done = true);
    await this.#until(what, () => done);
  }

  async #until(what: string, isTrue: () => boolean): Promise<void> {
    const { clock, ledger } = this.world;
    const giveUpAt = clock.monotonic() + settleMs;
    while (!isTrue()) {
      if (clock.monotonic() > giveUpAt) {
        ledger.violated(`waited ${settleMs} ms in vain until ${what}`);
      }
      await this.#advance(250);
    }
  }

  async #advance(ms: number): Promise<void> {
    await this.world.clock.advance(ms);
    this.#throwIfViolated();
  }

  #throwIfViolated(): void {
    if (this.world.ledger.violation) throw this.world.ledger.violation;
  }
}
