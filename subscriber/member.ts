/** Wires the subscriber's parts together and runs them; says nothing of what they do. */
import { hostname } from "node:os";
import { AmqpConsumer } from "../shared/amqp/consumer.ts";
import { DeadLetters } from "../shared/amqp/dead_letters.ts";
import { DelayQueues } from "../shared/amqp/delay_queues.ts";
import type { EventQueue } from "../shared/amqp/delivery.ts";
import { ConfirmPublisher } from "../shared/amqp/publisher.ts";
import { eventTopology } from "../shared/amqp/topology.ts";
import { systemClock as clock } from "../shared/clock.ts";
import { runCommand } from "../shared/command.ts";
import { messageOf } from "../shared/errors.ts";
import { DatabasePool } from "../shared/database.ts";
import { systemRandom as random } from "../shared/random.ts";
import { closeRedis, openRedis } from "../shared/redis.ts";
import { onShutdownSignal } from "../shared/shutdown.ts";
import { configureLog, getLog } from "../shared/telemetry/log.ts";
import { type Players, PostgresPlayers } from "./players.ts";
import { grpcRatesApi, type RatesApi } from "./rates/client.ts";
import { RedisRates } from "./rates/redis_rates.ts";
import type { SharedRates } from "./rates/shared_rates.ts";
import { RatesSource } from "./rates/source.ts";
import { reportLines, reportNothing } from "./report.ts";
import { Stats } from "./stats.ts";
import { PostgresStore, type Store } from "./store.ts";
import { Subscriber } from "./subscriber.ts";

/** The edges to the outside. */
export interface Edges {
  readonly queue: EventQueue;
  readonly shared: SharedRates;
  readonly api: RatesApi;
  readonly players: Players;
  readonly store: Store;
}

/** The next window is read and priced while the one before commits. A third costs Postgres an eighth more: bench/README.md. */
const windowsInFlight = 2;

/** @param wrap for fault tests: puts something around an edge */
export function runSubscriber(wrap: (edges: Edges) => Edges = (edges) => edges): Promise<never> {
  return runCommand({
    name: "deno task subscriber",
    summary:
      "Takes casino events from RabbitMQ, enriches them, stores them in Postgres and writes each as a line of JSON.",
    flags: { quiet: { short: "q", help: "write no events to stdout" } },
    settings: [
      ...["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE", "PREFETCH", "WINDOW_SIZE"] as const,
      ...["REDIS_URL", "REDIS_KEY_PREFIX", "DATABASE_URL", "DATABASE_TIMEOUT_MS", "RATES_API_ADDRESS"] as const,
      ...["RATES_API_KEY", "RATES_TTL_MS", "RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS", "RATES_WAIT_MS"] as const,
      ...["RATES_MAX_STALE_MS", "RETRY_DELAYS_MS", "SHUTDOWN_GRACE_MS", "SUBSCRIBER_ID", "LOG_LEVEL"] as const,
    ],
    examples: [
      "deno task subscriber",
      "deno task subscriber --quiet",
      "RATES_MAX_STALE_MS=600000 deno task subscriber > events.ndjson",
    ],
  }, async ({ flags, config }) => {
    const subscriberId = config.SUBSCRIBER_ID ?? `${hostname()}-${Deno.pid}`;
    await configureLog({ level: config.LOG_LEVEL, member: "subscriber", id: subscriberId });
    const log = getLog("subscriber");
    using shutdown = onShutdownSignal(config.SHUTDOWN_GRACE_MS, log);

    const database = new DatabasePool(config.DATABASE_URL, {
      name: `casino-subscriber ${subscriberId}`,
      max: windowsInFlight,
      timeoutMs: config.DATABASE_TIMEOUT_MS,
      clock,
    });
    const redis = await openRedis(config.REDIS_URL, { name: subscriberId, log });
    const broker = { url: config.RABBITMQ_URL, clock, random, log };
    const topology = eventTopology(config);
    const publisher = new ConfirmPublisher({ ...broker, name: `${subscriberId} dead letters`, topology });
    const moving = { publisher, clock, random, log };
    const consumer = new AmqpConsumer({
      ...broker,
      name: `${subscriberId} events`,
      topology,
      queue: config.EVENTS_QUEUE,
      prefetch: config.PREFETCH,
      deadLetters: new DeadLetters({ ...moving, exchange: config.DEAD_LETTER_QUEUE, subscriberId }),
      delayQueues: new DelayQueues({ ...moving, queue: config.EVENTS_QUEUE }),
    });
    const { queue, shared, api, players, store } = wrap({
      queue: consumer,
      shared: new RedisRates(redis, config.REDIS_KEY_PREFIX),
      api: grpcRatesApi({
        address: config.RATES_API_ADDRESS,
        apiKey: config.RATES_API_KEY,
        timeoutMs: config.RATES_CALL_TIMEOUT_MS,
        clock,
      }),
      players: new PostgresPlayers(database),
      store: new PostgresStore(database, subscriberId),
    });
    const rates = new RatesSource({ shared, api, times: config, clock, random, log, signal: shutdown.abandon });
    const stats = new Stats();
    const subscriber = new Subscriber({
      queue,
      rates,
      stages: { players, store },
      report: flags.quiet ? reportNothing : reportLines(Deno.stdout, log),
      windowSize: config.WINDOW_SIZE,
      windowsInFlight,
      retryDelays: config.RETRY_DELAYS_MS,
      stats,
      clock,
      random,
      log,
    });

    let status = 0;
    consumer.finished.catch((error) => {
      log.error("The broker refuses us; leaving", { problem: messageOf(error) });
      status = 1;
      shutdown.begin("the broker refuses us");
    });
    shutdown.stop.addEventListener("abort", () => consumer.stopTaking());
    await subscriber.run(shutdown.stop, shutdown.abandon);

    await consumer.close();
    await publisher.close();
    await closeRedis(redis);
    await database.close();
    log.info("Left", {
      stored: stats.stored,
      dead: Object.fromEntries(stats.dead),
      delayed: stats.delayed,
      withoutPlayer: stats.withoutPlayer,
      putBack: stats.putBack,
      windows: stats.windows,
      ratesCalls: rates.calls,
    });
    return status;
  });
}
