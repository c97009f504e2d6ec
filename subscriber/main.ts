/** The subscriber's process: opens its real edges, wires them, and runs until a shutdown signal. */
import { hostname } from "node:os";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import { tlsFilesOf } from "../shared/runtime/configuration/config.ts";
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { coalesced } from "../shared/runtime/deadline.ts";
import { messageOf } from "../shared/runtime/errors.ts";
import { ratesApiTls } from "../shared/grpc/client.ts";
import { answers, DatabasePool } from "../shared/postgres/pool.ts";
import { eventsQueuesOf, eventTopology } from "../shared/rabbitmq/topology.ts";
import { systemRandom as random } from "../shared/runtime/random.ts";
import { closeRedis, openRedis } from "../shared/redis/client.ts";
import { onShutdownSignal } from "../shared/runtime/shutdown.ts";
import { openTracing } from "../shared/runtime/telemetry/deno_tracing.ts";
import { configureLog, getLog } from "../shared/runtime/telemetry/log.ts";
import { batchesInFlight, createSubscriber } from "./create_subscriber.ts";
import { firstContact } from "./first_contact.ts";
import { openKeeper } from "./dead_letters/open_keeper.ts";
import { JobTable } from "./dead_letters/jobs/job_table.ts";
import { TableDeadLetterAdmin } from "./dead_letters/table_admin.ts";
import type { Edges } from "./pipeline/edges.ts";
import { openEventQueue } from "./event_queue.ts";
import { answerOf, type InHand } from "./find/in_hand.ts";
import { checkExposure } from "./http/access/exposure.ts";
import { TokensFile } from "./http/access/tokens.ts";
import { Observations, serveHttp } from "./http/http.ts";
import { type Address, defaultAddress, parseAddress } from "./http/server/server.ts";
import { AmqpQueueDepths } from "./metrics/queue_depths.ts";
import { keepForgetting } from "./metrics/forget.ts";
import { keepTelling, OwnReport } from "./metrics/fleet/own_report.ts";
import { RedisFleet } from "./metrics/fleet/redis_fleet.ts";
import { DatabaseGate } from "./pipeline/database_gate.ts";
import { HeldBatches } from "./pipeline/middleware/held_batches.ts";
import { noSpans, spansOf } from "./pipeline/middleware/traced.ts";
import { reportLines, reportNothing } from "./pipeline/report.ts";
import { Stats } from "./pipeline/stats.ts";
import { grpcRatesApi } from "./rates/client.ts";
import { RedisRates } from "./rates/redis_rates.ts";
import { keepCompacting } from "./store/compact.ts";
import { foldOnce, keepFolding } from "./store/fold.ts";
import { keepPartitions } from "./store/partitions.ts";
import { PostgresPlayers } from "./store/postgres_players.ts";
import { PostgresStore } from "./store/postgres_store.ts";

/** Time limit of a query for HTTP (ms). */
const httpQueryTimeoutMs = 2_000;

/** Held batches that wait for Postgres share one probe within this time (ms). */
const coalesceProbesMs = 100;

/** @param wrap wraps edges, for fault tests */
export function runSubscriber(wrap: (edges: Edges) => Edges = (edges) => edges): Promise<never> {
  return runCommand({
    name: "deno task subscriber",
    summary:
      "Consumes casino events from RabbitMQ, enriches them, stores them in Postgres and writes each as a line of JSON.",
    flags: {
      quiet: { short: "q", help: "write no events to stdout" },
      http: {
        value: "HOST:PORT",
        listensAt: defaultAddress,
        help: `address of the dashboard, health and metrics, or off [${defaultAddress}]`,
      },
      health: {
        value: "HOST:PORT",
        listensAt: "off",
        help: "second address, of health and metrics only, for probes without a token, or off [off]",
      },
    },
    settings: [
      ...["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "EVENTS_SHARDS", "EVENTS_SHARDS_TAKEN"] as const,
      ...["DEAD_LETTER_QUEUE", "PREFETCH", "BATCH_SIZE"] as const,
      ...[
        "DEAD_LETTER_RABBITMQ_URL",
        "DEAD_LETTER_KEEPER",
        "DEAD_LETTER_RETENTION_DAYS",
        "EVENTS_PARTITION_DAYS",
        "TOPOLOGY",
        "REDIS_URL",
        "REDIS_KEY_PREFIX",
        "DATABASE_URL",
      ] as const,
      ...["DATABASE_TIMEOUT_MS", "RATES_API_ADDRESS", "RATES_API_TLS", "RATES_API_PROXY", "TLS_CA_FILE"] as const,
      ...["TLS_CERT_FILE", "TLS_KEY_FILE"] as const,
      ...["RATES_API_KEY", "RATES_TTL_MS", "RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS", "RATES_WAIT_MS"] as const,
      ...["RATES_MAX_STALE_MS", "SHUTDOWN_GRACE_MS", "SUBSCRIBER_ID"] as const,
      ...["HTTP_TOKENS_FILE", "HTTP_TLS", "HTTP_PROTECTED_BY", "HTTP_ALLOWED_HOSTS"] as const,
      ...["HTTP_TRUSTED_PROXIES", "LOG_LEVEL"] as const,
    ],
    examples: [
      "deno task subscriber",
      "deno task subscriber --quiet",
      "RATES_MAX_STALE_MS=600000 deno task subscriber > events.ndjson",
      "deno task subscriber --quiet --http 127.0.0.1:8081",
    ],
  }, async ({ flags, config }) => {
    const address = parseAddress("http", flags.http ?? defaultAddress);
    const health = parseAddress("health", flags.health ?? "off");
    if (health && !address) throw new UsageError("--health requires HTTP: it cannot be used with --http=off");
    checkExposure(address, config);
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
    const path = config.HTTP_TOKENS_FILE;
    const tokens = path === undefined ? undefined : new TokensFile({ path, clock, log });
    using shutdown = onShutdownSignal(config.SHUTDOWN_GRACE_MS, log);

    const database = new DatabasePool(config.DATABASE_URL, {
      name: `casino-subscriber ${subscriberId}`,
      max: batchesInFlight,
      timeoutMs: config.DATABASE_TIMEOUT_MS,
      clock,
      random,
    });
    const redis = await openRedis(config.REDIS_URL, { name: subscriberId, log });
    const shared = new RedisRates(redis, config.REDIS_KEY_PREFIX);
    await firstContact({ database, shared, urls: config, clock });
    const [gate, heldBatches] = [new DatabaseGate(clock), new HeldBatches(clock)];
    const broker = { url: config.RABBITMQ_URL, clock, random, log };
    const { consumer, ...queue } = openEventQueue(broker, config, subscriberId, gate);
    const edges = wrap({
      queue: consumer,
      shared,
      api: grpcRatesApi({
        address: config.RATES_API_ADDRESS,
        tls: ratesTls,
        proxy: config.RATES_API_PROXY,
        apiKey: config.RATES_API_KEY,
        timeoutMs: config.RATES_CALL_TIMEOUT_MS,
        clock,
        tracing,
      }),
      players: new PostgresPlayers(database),
      store: new PostgresStore(database, subscriberId),
    });

    const observations = address && new Observations(clock);
    const stats = observations?.stats ?? new Stats();
    const lines = flags.quiet ? reportNothing : reportLines(Deno.stdout, log);
    const spans = !tracing ? noSpans : spansOf(tracing, {
      queue: config.EVENTS_QUEUE,
      subscriberId,
      brokerUrl: config.RABBITMQ_URL,
      databaseUrl: config.DATABASE_URL,
      ratesAddress: config.RATES_API_ADDRESS,
    });
    const { rates, runner } = createSubscriber(edges, {
      subscriberId,
      batchSize: config.BATCH_SIZE,
      ratesTimes: config,
      report: observations?.recent.before(lines) ?? lines,
      abandon: shutdown.abandon,
      isDatabaseThere: coalesced(coalesceProbesMs, clock, () => answers(database)),
      ...{ stats, gate, heldBatches, spans, clock, random, log },
    });

    const state = {
      ...{ subscriberId, gate, heldBatches, clock },
      consuming: () => consumer.consuming,
      unsettled: () => consumer.unsettled,
      heldMessages: () => consumer.heldMessages,
      batchesInFlight: () => runner.batchesInFlight,
      oldestPublishedAtMs: () => runner.oldestPublishedAtMs,
      inHandSince: () => runner.inHandSince,
      leaving: shutdown.stop,
      takes: config.EVENTS_SHARDS_TAKEN,
    };
    const own = new OwnReport(state);
    const fleet = new RedisFleet(redis, config.REDIS_KEY_PREFIX);
    const inHand: InHand = {
      ...{ work: () => runner.inHand, atHand: () => consumer.atHand, clock },
      problemOf: (delivery) => heldBatches.problemOf(delivery),
    };
    const leaveFleet = keepTelling(fleet, own, clock, (question) => answerOf(question, inHand));
    const keeper = openKeeper({ clock, random, log }, config, subscriberId, () => rates.areFresh());
    const closeHttp = address && observations && serve(address, observations);
    keepCompacting({ database, clock, random, log }, shutdown.stop);
    keepFolding({ database, stored: () => stats.stored + stats.duplicates, clock, log }, shutdown.stop);
    keepPartitions({ database, days: config.EVENTS_PARTITION_DAYS, clock, log }, shutdown.stop);

    let status = 0;
    queue.finished.catch((error) => {
      log.error("The broker rejected the login, a permission or the topology; shutting down", {
        event: "broker.refused",
        problem: messageOf(error),
      });
      status = 1;
      shutdown.begin("rejected by the broker");
    });
    shutdown.stop.addEventListener("abort", () => consumer.stopTaking());
    await runner.run(shutdown.stop, shutdown.abandon);

    const closeDatabase = async () => {
      await foldOnce({ database, clock, log }, shutdown.abandon);
      await database.close();
    };
    await Promise.all([closeHttp?.(), queue.close(), keeper.close(), leaveFleet(), closeDatabase()]);
    await closeRedis(redis);
    log.info("Left", {
      event: "member.left",
      stored: stats.stored,
      duplicates: stats.duplicates,
      dead: Object.fromEntries(stats.dead),
      withoutPlayer: stats.withoutPlayer,
      requeued: stats.requeued,
      keptDeadLetters: keeper.state.kept,
      batches: stats.batches,
      ratesCalls: rates.counts.calls,
    });
    return status;

    /** Starts the HTTP server. @returns a function that closes it */
    function serve(address: Address, observations: Observations): () => Promise<void> {
      const operator = { ...config, RABBITMQ_URL: config.DEAD_LETTER_RABBITMQ_URL ?? config.RABBITMQ_URL };
      const name = `${subscriberId} http`;
      const pool = new DatabasePool(config.DATABASE_URL, {
        ...{ name: `casino-subscriber ${name}`, max: 2, timeoutMs: httpQueryTimeoutMs, clock, random },
      });
      keepForgetting({ database: pool, recent: observations.recent, clock, log }, shutdown.stop);
      const server = serveHttp({
        ...{ ...state, own, fleet, address, observations, log, database: pool, mode: "servers" },
        ...{ rates, shared: edges.shared, newId: () => crypto.randomUUID() },
        ...{ tokens, health },
        behindProxy: config.HTTP_PROTECTED_BY === "proxy",
        allowedHosts: config.HTTP_ALLOWED_HOSTS,
        tls: config.HTTP_TLS === "on" ? tlsFilesOf(config) : undefined,
        trustedProxies: config.HTTP_TRUSTED_PROXIES,
        depths: new AmqpQueueDepths({
          ...{ url: config.RABBITMQ_URL, name, clock },
          ...{ eventsQueues: eventsQueuesOf(config), deadLetterQueue: config.DEAD_LETTER_QUEUE },
          queues: eventTopology(config).map(({ name }) => name),
        }),
        jobs: config.DEAD_LETTER_KEEPER === "off" ? undefined : { table: new JobTable(pool), random },
        admin: new TableDeadLetterAdmin({ name, config: operator, database: pool, clock, random }),
        keeper: keeper.state,
        ratesApi: config.RATES_API_ADDRESS,
        ratesApiTls: ratesTls,
        ratesApiProxy: config.RATES_API_PROXY,
        prefetch: config.PREFETCH,
      });
      return async () => {
        await server.close();
        await pool.close();
      };
    }
  });
}

if (import.meta.main) await runSubscriber();
