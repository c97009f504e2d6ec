/** What the tests of a subscriber put around it. */
import { MemoryQueue } from "../shared/amqp/memory_queue.ts";
import { seededRandom } from "../shared/random.ts";
import { RecordedLog } from "../shared/testing/recorded_log.ts";
import { VirtualClock } from "../shared/testing/virtual_clock.ts";
import { createRunner, type Flow, type FlowSettings, type FlowSurroundings } from "./create_subscriber.ts";
import { DatabaseGate } from "./pipeline/database_gate.ts";
import type { Enriched } from "./pipeline/enriched.ts";
import { Stats } from "./pipeline/stats.ts";
import type { RatesNowOrLater } from "./pipeline/waiting_for_rates.ts";
import type { Rates } from "./rates/rates.ts";
import { MemoryDatabase } from "./store/memory_database.ts";
import { someRates } from "./testing.ts";

/** A subscriber over memory, its rates at hand unless a test takes them away. */
export class World {
  readonly clock = new VirtualClock();
  readonly queue = new MemoryQueue(this.clock);
  readonly database = new MemoryDatabase();
  readonly log = new RecordedLog();
  readonly stats = new Stats();
  readonly gate = new DatabaseGate();
  readonly reported: Enriched[] = [];
  readonly stop = new AbortController();
  readonly abandon = new AbortController();
  rates: RatesNowOrLater = { current: () => someRates, get: () => Promise.resolve(someRates) };

  start(changes: Partial<Flow & FlowSettings & FlowSurroundings> = {}): Promise<void> {
    const { clock, queue, database, log, stats, gate } = this;
    const flow: Flow = {
      queue,
      players: database,
      store: database,
      rates: { current: () => this.rates.current(), get: () => this.rates.get() },
      report: (events) => Promise.resolve(void this.reported.push(...events)),
      ...changes,
    };
    const settings = { batchSize: 10, batchesInFlight: 2, retryDelays: [], ...changes };
    const runner = createRunner(flow, settings, { clock, random: seededRandom(1), log, stats, gate, ...changes });
    return runner.run(this.stop.signal, this.abandon.signal);
  }

  /** Lets everything happen that can within `ms`. */
  pass(ms = 0): Promise<void> {
    return this.clock.advance(ms);
  }

  async finish(running: Promise<void>): Promise<void> {
    this.stop.abort();
    for (let i = 0; i < 20; i++) await this.pass(10);
    await running;
  }

  /** Its time is over: nothing is waited for any more. */
  async abandonNow(running: Promise<void>): Promise<void> {
    this.stop.abort();
    this.abandon.abort(new Error("SHUTDOWN_GRACE_MS is over"));
    await this.pass(1_000);
    await running;
  }
}

/** Rates that come when the test says so. */
export function ratesLater() {
  const { promise, resolve, reject } = Promise.withResolvers<Rates>();
  promise.catch(() => {});
  return { rates: { current: () => undefined, get: () => promise }, resolve, reject };
}

/** As Postgres answers while it shuts down. */
export function shuttingDown(): Error {
  return Object.assign(new Error("the database system is shutting down"), { code: "57P03" });
}
