/** Wires a subscriber's HTTP server. */
import { type Clock, sleepToTick } from "../../shared/runtime/clock.ts";
import { Acts } from "../../shared/postgres/acts.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import type { DeadLetterAdmin } from "../../shared/rabbitmq/dead/admin.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { isLoopback } from "../../shared/runtime/hosts.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { TlsFiles } from "../../shared/runtime/tls.ts";
import type { SharedRates } from "../rates/shared_rates.ts";
import { type Observer, Stats } from "../pipeline/stats.ts";
import { find } from "../find/find.ts";
import type { Tokens } from "./access/tokens.ts";
import { httpApp } from "./app.ts";
import { Takes } from "../dead_letters/takes.ts";
import { callWithDeadline, coalesced } from "../../shared/runtime/deadline.ts";
import { readinessOf } from "./health.ts";
import { probeApp } from "./probe_routes.ts";
import { readRetentionAge, readRunway } from "../store/partitions.ts";
import { viewOf } from "../metrics/fleet/fleet_view.ts";
import { readHistory } from "../metrics/history/history_table.ts";
import { keepHistory } from "../metrics/history/keep_history.ts";
import { LatencyBuckets } from "../metrics/history/latency_buckets.ts";
import { Latencies } from "../metrics/latencies.ts";
import { readShares, readTotals } from "../metrics/materialized.ts";
import { Metrics } from "../metrics/metrics.ts";
import { overviewOf } from "../metrics/overview.ts";
import { grpcHealth, readDependencies } from "../metrics/probes.ts";
import type { Jobs } from "./job_routes.ts";
import { consumersOf, type QueueDepths } from "../metrics/queue_depths.ts";
import { RecentEvents } from "../metrics/recent_events.ts";
import type { Sources, State } from "../metrics/sources.ts";
import { type Address, formatAddress, type HttpServer, listen } from "./server/server.ts";
import { TrustedProxies } from "./server/trusted_proxies.ts";

/** Collects measurements and recent events from the pipeline. */
export class Observations implements Observer {
  readonly metrics = new Metrics();
  readonly recent = new RecentEvents();
  readonly latencies: Latencies;
  readonly latencyBuckets = new LatencyBuckets();
  readonly stats = new Stats(this);

  constructor(clock: Clock) {
    this.latencies = new Latencies(clock);
  }

  stage: Observer["stage"] = (stage, ms) => this.metrics.stage(stage, ms);
  batch: Observer["batch"] = (events) => this.metrics.batch(events);
  latency(ms: number): void {
    this.metrics.latency(ms);
    this.latencies.add(ms);
    this.latencyBuckets.add(ms);
  }
}

export interface HttpOptions extends State {
  readonly address: Address;
  /** An additional address that serves only health and metrics. */
  readonly health?: Address | undefined;
  /** HTTP_TRUSTED_PROXIES. */
  readonly trustedProxies?: readonly string[];
  /** The tokens of HTTP_TOKENS_FILE; `undefined` permits no changes. */
  readonly tokens?: Tokens | undefined;
  /** Whether a proxy authenticates the callers: every caller then has the role `look`, as on loopback. */
  readonly behindProxy?: boolean;
  /** HTTP_ALLOWED_HOSTS. */
  readonly allowedHosts?: readonly string[];
  /** The certificate and key; with them the server speaks HTTPS. */
  readonly tls?: TlsFiles | undefined;
  readonly observations: Observations;
  readonly shared: SharedRates;
  /** A separate pool: queries never wait behind batches, nor batches behind queries. */
  readonly database: Database;
  readonly depths: QueueDepths;
  readonly admin: DeadLetterAdmin;
  /** Returns an id for a question to other subscribers. */
  readonly newId: () => string;
  /** `undefined` when all members run in one process. */
  readonly jobs?: Jobs | undefined;
  /** host:port */
  readonly ratesApi: string;
  /** The TLS files for calls to the rates API. Without them the calls use no TLS. */
  readonly ratesApiTls?: TlsFiles | undefined;
  readonly ratesApiProxy?: string | undefined;
  readonly log: Log;
}

/** Results are cached for this time (ms): open dashboards query each server twice a second at most. */
const rememberMs = 500;
const askTimeoutMs = 2_000;
const lookEveryMs = 20_000;

/** Starts the server. @throws an error for the operator when listening fails */
export function serveHttp(options: HttpOptions): HttpServer {
  const { address, tokens, tls, observations, shared, database, admin, clock, log } = options;
  const { metrics, recent, latencies, stats } = observations;
  const ended = new AbortController();
  const depths = remembered(() => options.depths.read());
  const totals = remembered(() => readTotals(database));
  const shares = remembered(() => readShares(database));
  const takes = new Takes(database);
  const deadLetters = remembered(() => takes.count());
  const runway = remembered(() => readRunway(database));
  const retentionAge = remembered(() => readRetentionAge(database));
  const inspectRates = remembered(() => shared.inspect());
  const reports = remembered(() => options.fleet.read());
  const subscribers = async () => {
    const [heard, found] = await Promise.all([reports().catch(() => undefined), depths().catch(() => undefined)]);
    // In one process, all consumers send one report.
    const consumers = options.mode === "servers" && found ? consumersOf(found.events) : undefined;
    return viewOf(heard, consumers, clock.now(), options.own.read());
  };
  const dependencies = readDependencies({
    rabbitmq: depths,
    // The reports too: when Redis takes no writes, the other subscribers' reports are old.
    redis: () => Promise.all([reports(), inspectRates()]),
    postgres: totals,
    rates_api: grpcHealth(options.ratesApi, options.ratesApiTls, options.ratesApiProxy),
  }, clock);
  const sources: Sources = {
    ...options,
    stats,
    latencies,
    depths,
    totals,
    shares,
    deadLetters,
    runway,
    retentionAge,
    inspectRates,
    dependencies,
    subscribers,
  };
  metrics.watch(sources);
  const overview = overviewOf(sources);
  const probes = { readiness: () => readinessOf(sources), metrics, clock, log };
  const proxies = new TrustedProxies(options.trustedProxies);
  const health = options.health &&
    listen({ address: options.health, flag: "health", answer: probeApp(probes), proxies, clock, log });
  const server = listen({
    ...{ address, tls, clock, log, proxies },
    answer: httpApp({
      // Never cached: a caller gets the current totals.
      totals: () => callWithDeadline(askTimeoutMs, clock, () => readTotals(database)),
      overview,
      history: (query) => readHistory(database, query),
      ...{
        ...probes,
        recent,
        admin,
        jobs: options.jobs,
        takes: options.jobs && takes,
        tokens,
        subscriberId: options.subscriberId,
      },
      open: isLoopback(address.hostname) || options.behindProxy === true,
      allowedHosts: options.allowedHosts ?? [],
      acts: new Acts(database, log),
      onSignIn: (result) => metrics.signIn(result),
      find: (query) => find(query, { ...options, queues: () => options.depths.readAll() }),
      // In one process, the list already shows the queue itself.
      waiting: async () => options.mode === "embedded" ? 0 : (await depths()).dead.messages + options.keeper.waiting,
      stop: ended.signal,
    }),
  });
  metrics.watchEventLoop(clock, ended.signal);
  keepLooking();
  keepHistory({ database, stats, latencies: observations.latencyBuckets, overview, clock, log }, ended.signal);
  log.info("Serving HTTP", { event: "http.ready", url: urlOf(server, tls && "https") });
  if (health) log.info("Serving health and metrics", { event: "http.health_ready", url: urlOf(health) });
  return {
    address: server.address,
    async close() {
      ended.abort(new Error("HTTP is closed"));
      await Promise.all([server.close(), health?.close()]);
      const closing = [admin, options.depths].map((source) => source.close());
      for (const result of await Promise.allSettled(closing)) {
        if (result.status === "rejected") log.debug("Closing failed", { problem: messageOf(result.reason) });
      }
    },
  };

  /** Reads the overview regularly, so that the headline knows its start time even while no dashboard is open. */
  async function keepLooking(): Promise<void> {
    while (!ended.signal.aborted) {
      // Not at once: the queues may not be declared yet, and the result would be cached.
      await sleepToTick(clock, lookEveryMs, ended.signal).catch(() => {});
      // A request reports the error. Here it must not end the process.
      if (!ended.signal.aborted) await overview().catch(() => {});
    }
  }

  function remembered<T>(ask: () => Promise<T>): () => Promise<T> {
    return coalesced(rememberMs, clock, () => callWithDeadline(askTimeoutMs, clock, ask));
  }
}

function urlOf({ address }: HttpServer, scheme = "http"): string {
  return `${scheme}://${formatAddress(address)}`;
}
