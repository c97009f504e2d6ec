/** All that a subscriber tells over HTTP, put together from what it is made of. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import type { DeadLetterAdmin } from "../../shared/rabbitmq/dead/admin.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { isLoopback } from "../../shared/runtime/loopback.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { TlsFiles } from "../../shared/runtime/tls.ts";
import type { SharedRates } from "../rates/shared_rates.ts";
import type { WatchedRates } from "../rates/source.ts";
import type { DatabaseGate } from "../pipeline/database_gate.ts";
import { type Observer, Stats } from "../pipeline/stats.ts";
import { type Address, formatAddress } from "./address.ts";
import { httpApp } from "./app.ts";
import { callWithDeadline, coalesced } from "../../shared/runtime/deadline.ts";
import { watchEventLoop } from "../metrics/event_loop.ts";
import { Health } from "./health.ts";
import { Latencies } from "../metrics/latencies.ts";
import { readTotals } from "../metrics/materialized.ts";
import { Metrics } from "../metrics/metrics.ts";
import { overviewOf } from "../metrics/overview.ts";
import { grpcHealth, readDependencies } from "../metrics/probes.ts";
import type { QueueDepths } from "../metrics/queue_depths.ts";
import { RecentEvents } from "../metrics/recent_events.ts";
import { type HttpServer, listen } from "./server.ts";

/** What is noted while batches pass by, whoever asks for it later. */
export class Observations implements Observer {
  readonly metrics = new Metrics();
  readonly recent = new RecentEvents();
  readonly latencies: Latencies;
  readonly stats = new Stats(this);

  constructor(clock: Clock) {
    this.latencies = new Latencies(clock);
  }

  stage: Observer["stage"] = (stage, ms) => this.metrics.stage(stage, ms);
  batch: Observer["batch"] = (events) => this.metrics.batch(events);
  latency(ms: number): void {
    this.metrics.latency(ms);
    this.latencies.add(ms);
  }
}

export interface HttpOptions {
  readonly address: Address;
  /** HTTP_TOKEN; `undefined`: nobody gets at dead letters. */
  readonly token: string | undefined;
  readonly subscriberId: string;
  readonly mode: "servers" | "embedded";
  readonly observations: Observations;
  readonly gate: DatabaseGate;
  readonly rates: WatchedRates;
  readonly shared: SharedRates;
  /** Of its own, so that questions never wait behind batches, nor batches behind questions. */
  readonly database: Database;
  readonly depths: QueueDepths;
  readonly admin: DeadLetterAdmin;
  /** host:port */
  readonly ratesApi: string;
  /** The files that TLS to it goes by; without them, no TLS. */
  readonly ratesApiTls?: TlsFiles | undefined;
  readonly prefetch: number;
  readonly consuming: () => boolean;
  readonly unsettled: () => number;
  readonly batchesInFlight: () => number;
  /** When the oldest delivery in hand was published, milliseconds since 1970; `undefined` when there is none. */
  readonly oldestPublishedAtMs: () => number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the subscriber begins to leave. */
  readonly leaving: AbortSignal;
}

/** However many pages are open, for them the servers are asked twice a second at most. */
const rememberMs = 500;
const askTimeoutMs = 2_000;

/** @throws a sentence when the address cannot be listened on */
export function serveHttp(options: HttpOptions): HttpServer {
  const { address, token, observations, shared, database, clock, log, leaving } = options;
  const ended = new AbortController();
  const depths = asked(() => options.depths.read());
  const totals = asked(() => readTotals(database));
  const inspectRates = asked(() => shared.inspect());
  const dependencies = readDependencies({
    rabbitmq: depths,
    redis: inspectRates,
    postgres: totals,
    rates_api: grpcHealth(options.ratesApi, options.ratesApiTls),
  }, clock);
  const sources = { ...options, ...observations, depths, totals, inspectRates, dependencies };
  observations.metrics.watch({ ...sources, stats: observations.stats });
  const server = listen(
    address,
    httpApp({
      // Whoever asks for the sums has those of this moment.
      totals: () => callWithDeadline(askTimeoutMs, clock, () => readTotals(database)),
      overview: overviewOf({ ...sources, stats: observations.stats }),
      health: new Health({ dependencies, consuming: options.consuming, depths, leaving }),
      metrics: observations.metrics,
      recent: observations.recent,
      admin: options.admin,
      token,
      loopback: isLoopback(address.hostname),
      clock,
      log,
      stop: ended.signal,
    }),
    { clock },
  );
  watchEventLoop(clock, (ms) => observations.metrics.lag(ms), ended.signal);
  log.info("Serving HTTP", { event: "http.ready", url: `http://${formatAddress(server.address)}` });
  return {
    address: server.address,
    async close() {
      ended.abort(new Error("HTTP is closed"));
      await server.close();
      const closing = [options.admin, options.depths].map((source) => source.close());
      for (const result of await Promise.allSettled(closing)) {
        if (result.status === "rejected") log.debug("Closing failed", { problem: messageOf(result.reason) });
      }
    },
  };

  function asked<T>(ask: () => Promise<T>): () => Promise<T> {
    return coalesced(rememberMs, clock, () => callWithDeadline(askTimeoutMs, clock, ask));
  }
}
