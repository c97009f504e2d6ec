/** The members in one process, over an in-memory queue, cache and database. They run the same code as on servers. */
import { MemoryQueue } from "../../../shared/rabbitmq/memory_queue.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { readConfig } from "../../../shared/runtime/configuration/config.ts";
import { PgliteDatabase } from "../../../shared/postgres/pglite.ts";
import type { Random } from "../../../shared/runtime/random.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { Generated } from "../../../publisher/generator.ts";
import { publishEvents, Tally } from "../../../publisher/publish.ts";
import { walkingQuotes } from "../../../rates-api/quotes.ts";
import { type RunningRatesApi, startRatesApi } from "../../../rates-api/server.ts";
import { createSubscriber, type Subscriber } from "../../../subscriber/create_subscriber.ts";
import { keepCompacting } from "../../../subscriber/store/compact.ts";
import { keepFolding } from "../../../subscriber/store/fold.ts";
import { Observations } from "../../../subscriber/http/http.ts";
import { PostgresPlayers } from "../../../subscriber/store/postgres_players.ts";
import { grpcRatesApi } from "../../../subscriber/rates/client.ts";
import { MemoryRates } from "../../../subscriber/rates/memory_rates.ts";
import { PostgresStore } from "../../../subscriber/store/postgres_store.ts";
import { DatabaseGate } from "../../../subscriber/pipeline/database_gate.ts";
import { HeldBatches } from "../../../subscriber/pipeline/middleware/held_batches.ts";
import { catalogue } from "../../migrate/catalogue.ts";
import { migrateFresh } from "../../migrate/transaction.ts";
import { reasonsOf, type Sources } from "../outcome.ts";
import { MemorySender } from "./sender.ts";
import type { View } from "./screen.ts";

export interface SystemOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Publication {
  readonly source: AsyncIterable<Generated> | Iterable<Generated>;
  /** Maximum number of events; `undefined`: until the source ends or `stop` is aborted. */
  readonly count: number | undefined;
  /** Events per second; `undefined`: unlimited. */
  readonly rate: number | undefined;
  readonly stop: AbortSignal;
}

interface RunningSubscriber {
  readonly id: string;
  readonly runner: Subscriber["runner"];
  readonly rates: Subscriber["rates"];
  /** Number of events that the subscriber has stored. */
  stored: number;
}

export const subscriberIds = ["demo-1", "demo-2"];
/** The rates change as often as they are fetched. */
const stepMs = 60_000;
const mostSeed = 2 ** 32 - 1;

/**
 * The rates API runs in this process too, so a wait for rates depends on the CPU time that the process gets. Members
 * dead-letter after 5 s by default; on a busy machine that would be most of the demo's events.
 */
const patience: Readonly<Record<string, string>> = {
  RATES_CALL_TIMEOUT_MS: "60000",
  RATES_LOCK_TTL_MS: "120000",
  RATES_WAIT_MS: "600000",
};

export const settings = readConfig(
  [
    ...["EVENTS_EXCHANGE", "PREFETCH", "BATCH_SIZE", "RATES_API_KEY", "RATES_CALL_TIMEOUT_MS"] as const,
    ...["RATES_TTL_MS", "RATES_LOCK_TTL_MS", "RATES_WAIT_MS", "RATES_MAX_STALE_MS"] as const,
  ],
  (name) => patience[name],
);

export class EmbeddedSystem implements Sources, AsyncDisposable {
  readonly queue: MemoryQueue;
  readonly cache: MemoryRates;
  /** The observations of both subscribers. */
  readonly observations: Observations;
  readonly gate: DatabaseGate;
  readonly heldBatches: HeldBatches;
  readonly subscribers: readonly RunningSubscriber[];
  /** Dead letters that a user dropped. */
  dropped = 0;
  /** Time of the first stored event, in monotonic ms. */
  firstStoredAt: number | undefined;
  readonly #tallies: Tally[] = [];
  readonly #working: Promise<void>;
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();

  private constructor(
    readonly database: PgliteDatabase,
    readonly ratesApi: RunningRatesApi,
    private readonly options: SystemOptions,
  ) {
    this.queue = new MemoryQueue(options.clock);
    this.cache = new MemoryRates(options.clock);
    this.observations = new Observations(options.clock);
    this.gate = new DatabaseGate(options.clock);
    this.heldBatches = new HeldBatches(options.clock);
    this.subscribers = subscriberIds.map((id) => this.#subscriber(id));
    this.#working = Promise.all([
      ...this.subscribers.map(({ runner }) => runner.run(this.#stop.signal, this.#abandon.signal)),
      keepCompacting({ ...options, database }, this.#stop.signal),
      keepFolding({ ...options, database, stored: () => this.observations.stats.stored }, this.#stop.signal),
    ]).then(() => {});
  }

  static async start(options: SystemOptions): Promise<EmbeddedSystem> {
    const { clock, random } = options;
    const quotes = walkingQuotes({ seed: random.int(0, mostSeed), stepMs, startMs: clock.now() });
    const [database, ratesApi] = await Promise.all([
      PgliteDatabase.open(),
      startRatesApi({ ...options, address: "127.0.0.1:0", apiKey: settings.RATES_API_KEY, quotes }),
    ]);
    await migrateFresh(database, catalogue);
    return new EmbeddedSystem(database, ratesApi, options);
  }

  /** Publishes with the publisher's code. @returns its counts */
  async publish(publication: Publication): Promise<Tally> {
    const { clock } = this.options;
    const tally = new Tally();
    this.#tallies.push(tally);
    const sender = new MemorySender(this.queue, clock, publication.stop);
    const exchange = settings.EVENTS_EXCHANGE;
    await publishEvents({ ...publication, sender, exchange, clock, tally, onFailure: () => {} });
    // Postgres's start leaves 250 MB of garbage outside V8's heap, which V8 might not see for minutes.
    (globalThis as { readonly gc?: () => void }).gc?.();
    return tally;
  }

  /** Total of all publications. */
  get published(): number {
    return this.#tallies.reduce((sum, { published }) => sum + published, 0);
  }

  get stored(): number {
    return this.observations.stats.stored;
  }

  get dead(): number {
    return this.queue.deadLetters.length + this.dropped;
  }

  countDead(): Promise<number> {
    return Promise.resolve(this.dead);
  }

  deadReasons(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(reasonsOf(this.queue.deadLetters));
  }

  get view(): View {
    const { queue, subscribers, observations, published, stored, dead } = this;
    const own = subscribers.find(({ rates }) => rates.own)?.rates.own;
    const calling = subscribers.filter(({ rates }) => rates.counts.calls > 0);
    const oldest = Math.min(...subscribers.map(({ runner }) => runner.oldestPublishedAtMs ?? Infinity));
    const [newest] = observations.recent.newest();
    return {
      ...{ published, stored, dead, subscribers },
      waiting: queue.ready + queue.unsettled,
      lagMs: Math.max(0, this.options.clock.now() - oldest),
      rates: own && {
        asOfMs: own.rates.asOfMs,
        fetchedBy: calling.map(({ id }) => id),
        calls: calling.reduce((sum, { rates }) => sum + rates.counts.calls, 0),
      },
      deadReasons: reasonsOf(queue.deadLetters),
      newest: newest?.description,
    };
  }

  /** Shuts down gracefully: the subscribers first store the events that they have in hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the demo is over"));
    await this.#working;
    this.#abandon.abort(new Error("the demo is over"));
    await this.ratesApi.close();
    await this.database.close();
  }

  #subscriber(id: string): RunningSubscriber {
    const { clock } = this.options;
    const { stats, recent } = this.observations;
    const { rates, runner } = createSubscriber(
      {
        queue: this.queue.subscribe({ prefetch: settings.PREFETCH, subscriberId: id }),
        shared: this.cache,
        api: grpcRatesApi({
          address: this.ratesApi.address,
          apiKey: settings.RATES_API_KEY,
          timeoutMs: settings.RATES_CALL_TIMEOUT_MS,
          clock,
        }),
        players: new PostgresPlayers(this.database),
        store: new PostgresStore(this.database, id),
      },
      {
        subscriberId: id,
        batchSize: settings.BATCH_SIZE,
        ratesTimes: settings,
        abandon: this.#abandon.signal,
        ...this.options,
        report: recent.before((events) => {
          this.firstStoredAt ??= clock.monotonic();
          running.stored += events.length;
          return Promise.resolve();
        }),
        stats,
        gate: this.gate,
        heldBatches: this.heldBatches,
      },
    );
    const running: RunningSubscriber = { id, runner, rates, stored: 0 };
    return running;
  }
}
