/** Wires the subscriber's parts together and runs them; says nothing of what they do. */
import { hostname } from "node:os";
import { AmqpConsumer } from "../shared/amqp/consumer.ts";
import { DeadLetters } from "../shared/amqp/dead_letters.ts";
import { AmqpDeadLetterDesk } from "../shared/dead/amqp_desk.ts";
import { DelayQueues } from "../shared/amqp/delay_queues.ts";
import type { EventQueue } from "../shared/amqp/delivery.ts";
import { ConfirmPublisher } from "../shared/amqp/publisher.ts";
import { eventTopology } from "../shared/amqp/topology.ts";
import { systemClock as clock } from "../shared/clock.ts";
import { runCommand } from "../shared/command.ts";
import { messageOf } from "../shared/errors.ts";
import { ratesApiTls } from "../shared/grpc_client.ts";
import { DatabasePool } from "../shared/postgres/pool.ts";
import { systemRandom as random } from "../shared/random.ts";
import { closeRedis, openRedis } from "../shared/redis.ts";
import { onShutdownSignal } from "../shared/shutdown.ts";
import { openTracing } from "../shared/telemetry/deno_tracing.ts";
import { configureLog, getLog } from "../shared/telemetry/log.ts";
import { keepFolding } from "./fold.ts";
import { type Address, defaultAddress, parseAddress } from "./http/address.ts";
import { Observations, serveHttp } from "./http/http.ts";
import { AmqpQueueDepths } from "./http/queue_depths.ts";
import { type Players, PostgresPlayers } from "./players.ts";
import { grpcRatesApi, type RatesApi } from "./rates/client.ts";
import { RedisRates } from "./rates/redis_rates.ts";
import type { SharedRates } from "./rates/shared_rates.ts";
import { RatesSource } from "./rates/source.ts";
import { reportLines, reportNothing } from "./report.ts";
import { Stats } from "./stats.ts";
import { PostgresStore, type Store } from "./store.ts";
import { Subscriber } from "./subscriber.ts";
import { noSpans, spansOf } from "./traced.ts";

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
/** Who looks at a page does not wait for longer. */
const httpQueryTimeoutMs = 2_000;

/** @param wrap for fault tests: puts something around an edge */
export function runSubscriber(wrap: (edges: Edges) => Edges = (edges) => edges): Promise<never> {
  return runCommand({
    name: "deno task subscriber",
    summary:
      "Takes casino events from RabbitMQ, enriches them, stores them in Postgres and writes each as a line of JSON.",
    flags: {
      quiet: { short: "q", help: "write no events to stdout" },
      http: {
        value: "HOST:PORT",
        listensAt: defaultAddress,
        help: `where dashboard, health and metrics are served, or off [${defaultAddress}]`,
      },
    },
    settings: [
      ...["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE", "PREFETCH", "WINDOW_SIZE"] as const,
      ...["DEAD_LETTER_RABBITMQ_URL", "TOPOLOGY", "REDIS_URL", "REDIS_KEY_PREFIX", "DATABASE_URL"] as const,
      ...["DATABASE_TIMEOUT_MS", "RATES_API_ADDRESS", "RATES_API_TLS", "TLS_CA_FILE"] as const,
      ...["TLS_CERT_FILE", "TLS_KEY_FILE"] as const,
      ...["RATES_API_KEY", "RATES_TTL_MS", "RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS", "RATES_WAIT_MS"] as const,
      ...["RATES_MAX_STALE_MS", "RETRY_DELAYS_MS", "SHUTDOWN_GRACE_MS", "SUBSCRIBER_ID", "HTTP_TOKEN"] as const,
      "LOG_LEVEL",
    ],
    examples: [
      "deno task subscriber",
      "deno task subscriber --quiet",
      "RATES_MAX_STALE_MS=600000 deno task subscriber > events.ndjson",
      "deno task subscriber --quiet --http 127.0.0.1:8081",
    ],
  }, async ({ flags, config }) => {
    const address = parseAddress(flags.http ?? defaultAddress);
    const ratesTls = ratesApiTls(config);
    const subscriberId = config.SUBSCRIBER_ID ?? `${hostname()}-${Deno.pid}`;
    const tracing = await openTracing();
    await configureLog({
      level: config.LOG_LEVEL,
      member: "subscriber",
      id: subscriberId,
      activeSpan: tracing?.active,
    });
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
    const observations = address && new Observations(clock);
    const stats = observations?.stats ?? new Stats();
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
      mayTake: () => stats.storeProblem === undefined,
    });
    const spans = !tracing ? noSpans : spansOf(tracing, {
      queue: config.EVENTS_QUEUE,
      subscriberId,
      brokerUrl: config.RABBITMQ_URL,
      databaseUrl: config.DATABASE_URL,
      ratesAddress: config.RATES_API_ADDRESS,
    });
    const { queue, shared, api, players, store } = spans.edges(wrap({
      queue: consumer,
      shared: new RedisRates(redis, config.REDIS_KEY_PREFIX),
      api: grpcRatesApi({
        address: config.RATES_API_ADDRESS,
        tls: ratesTls,
        apiKey: config.RATES_API_KEY,
        timeoutMs: config.RATES_CALL_TIMEOUT_MS,
        clock,
        tracing,
      }),
      players: new PostgresPlayers(database),
      store: new PostgresStore(database, subscriberId),
    }));
    const rates = new RatesSource({
      ...{ shared, api, holder: subscriberId, times: config, clock, random, log },
      signal: shutdown.abandon,
    });
    const lines = flags.quiet ? reportNothing : reportLines(Deno.stdout, log);
    const subscriber = new Subscriber({
      queue,
      rates: spans.rates(rates),
      stages: { players, store },
      around: spans.around,
      report: spans.report(observations?.recent.before(lines) ?? lines),
      windowSize: config.WINDOW_SIZE,
      windowsInFlight,
      retryDelays: config.RETRY_DELAYS_MS,
      stats,
      clock,
      random,
      log,
    });

    const closeHttp = address && observations && serve(address, observations);
    keepFolding({ database, clock, random, log }, shutdown.stop);

    let status = 0;
    Promise.all([consumer.finished, publisher.finished]).catch((error) => {
      log.error("The broker refuses us; leaving", { problem: messageOf(error) });
      status = 1;
      shutdown.begin("the broker refuses us");
    });
    shutdown.stop.addEventListener("abort", () => consumer.stopTaking());
    await subscriber.run(shutdown.stop, shutdown.abandon);

    // Each may wait a while for a broker that has fallen silent.
    await Promise.all([closeHttp?.(), consumer.close()]);
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
      ratesCalls: rates.counts.calls,
    });
    return status;

    /** @returns what ends it */
    function serve(address: Address, observations: Observations): () => Promise<void> {
      const operator = { ...config, RABBITMQ_URL: config.DEAD_LETTER_RABBITMQ_URL ?? config.RABBITMQ_URL };
      const asked = { clock, random, name: `${subscriberId} http`, config: operator };
      const pool = new DatabasePool(config.DATABASE_URL, {
        ...{ name: `casino-subscriber ${subscriberId} http`, max: 2, timeoutMs: httpQueryTimeoutMs, clock },
      });
      const server = serveHttp({
        ...{ address, subscriberId, observations, rates, shared, clock, log, database: pool, mode: "servers" },
        token: config.HTTP_TOKEN,
        depths: new AmqpQueueDepths({
          ...{ url: config.RABBITMQ_URL, name: asked.name, clock },
          ...{ eventsQueue: config.EVENTS_QUEUE, deadLetterQueue: config.DEAD_LETTER_QUEUE },
        }),
        desk: new AmqpDeadLetterDesk(asked),
        ratesApi: config.RATES_API_ADDRESS,
        ratesApiTls: ratesTls,
        prefetch: config.PREFETCH,
        consuming: () => consumer.consuming,
        unsettled: () => consumer.unsettled,
        windowsInFlight: () => subscriber.windowsInFlight,
        oldestPublishedAtMs: () => subscriber.oldestPublishedAtMs,
        leaving: shutdown.stop,
      });
      return async () => {
        await server.close();
        await pool.close();
      };
    }
  });
}
