/** `GET /overview`: all that the page shows, in one answer. What cannot be had at the moment is `null`, and the problems say why. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { version } from "../../shared/runtime/configuration/command.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import type { WatchedRates } from "../rates/source.ts";
import type { DatabaseGate } from "../pipeline/database_gate.ts";
import type { Stats } from "../pipeline/stats.ts";
import type { Latencies } from "./latencies.ts";
import type { Overview } from "../dashboard/answers.ts";
import type { Totals } from "./materialized.ts";
import { dependencies, dependencyNames, type DependencyState, type ReadDependencies } from "./probes.ts";
import type { Depths } from "./queue_depths.ts";

export interface OverviewSources {
  readonly subscriberId: string;
  readonly mode: "servers" | "embedded";
  readonly stats: Stats;
  readonly gate: DatabaseGate;
  readonly latencies: Latencies;
  readonly rates: WatchedRates;
  /** Each rejects when what it asks does not answer. */
  readonly totals: () => Promise<Totals>;
  readonly depths: () => Promise<Depths>;
  readonly inspectRates: () => Promise<Inspection>;
  readonly dependencies: ReadDependencies;
  readonly consuming: () => boolean;
  /** Deliveries in hand. */
  readonly unsettled: () => number;
  /** When the oldest of them was published, milliseconds since 1970. */
  readonly oldestPublishedAtMs: () => number | undefined;
  readonly clock: Clock;
}

/** A backlog this old is worth a sentence. */
const lateMs = 60_000;

export function overviewOf(sources: OverviewSources): () => Promise<Overview> {
  const { clock, stats, latencies, subscriberId, mode } = sources;
  const startedAt = clock.monotonic();
  return async () => {
    const [totals, depths, inspection, states] = await Promise.all([
      sources.totals().catch(() => undefined),
      sources.depths().catch(() => undefined),
      sources.inspectRates().catch(() => undefined),
      sources.dependencies(),
    ]);
    return {
      at: new Date(clock.now()).toISOString(),
      version,
      subscriber_id: subscriberId,
      uptime_ms: Math.round(clock.monotonic() - startedAt),
      mode,
      problems: problemsOf(sources, states, depths, inspection),
      materialized: totals?.materialized ?? null,
      events_last_second: totals?.eventsLastSecond ?? null,
      queue: depths
        ? {
          messages: depths.events.messages,
          consumers: depths.events.consumers,
          in_hand: sources.unsettled(),
          oldest_ms: Math.round(oldestMs(sources)),
        }
        : null,
      dead_letters: depths?.dead.messages ?? null,
      dead_letters_by_reason: Object.fromEntries(stats.dead),
      latency_ms: latencies.summary() ?? null,
      rates: ratesOf(sources, inspection),
      dependencies: dependencies.map((name) => ({
        name: dependencyNames[mode][name],
        ok: states[name].ok,
        problem: states[name].problem ?? null,
      })),
    };
  };
}

/** Sentences, the worst first. */
function problemsOf(
  sources: OverviewSources,
  states: Readonly<Record<string, DependencyState>>,
  depths: Depths | undefined,
  inspection: Inspection | undefined,
): string[] {
  const { gate, rates, consuming, mode } = sources;
  const problems: string[] = [];
  const broken = (name: "rabbitmq" | "redis" | "postgres" | "rates_api", consequence: string) => {
    const { ok, problem } = states[name]!;
    if (!ok) problems.push(`${dependencyNames[mode][name]} does not serve (${problem}): ${consequence}.`);
  };
  broken("rabbitmq", "nothing is taken from the queue");
  if (states["rabbitmq"]!.ok && !consuming()) {
    const wait = gate.isOpen ? "it is connecting again" : "it waits until Postgres takes events";
    problems.push(`This subscriber is not consuming: ${wait}.`);
  }
  broken("postgres", "events are held until it takes them");
  if (states["postgres"]!.ok && gate.problem !== undefined) {
    problems.push(`Postgres does not take events: ${redact(gate.problem)}.`);
  }
  broken("redis", "each subscriber calls the rates API for itself, once in RATES_TTL_MS");
  broken("rates_api", "the rates in the cache serve for as long as they last");
  if (states["rates_api"]!.ok && rates.failure !== undefined && !isFresh(rates, inspection)) {
    problems.push(`The last call for rates failed: ${redact(rates.failure)}.`);
  }
  const oldest = oldestMs(sources);
  if (problems.length === 0 && oldest > lateMs) {
    const ready = depths?.events.messages ?? 0;
    const cure = ready > 0 && mode === "servers" ? ` ${ready} more wait in the queue: start another subscriber.` : "";
    problems.push(`The oldest event in hand was published ${Math.round(oldest / 1000)} s ago.${cure}`);
  }
  return problems;
}

/** Of the events in hand; those that wait in the queue are younger. 0 when there is none. */
function oldestMs({ oldestPublishedAtMs, clock }: OverviewSources): number {
  return Math.max(0, clock.now() - (oldestPublishedAtMs() ?? Infinity));
}

/** What was cured by another subscriber's call is no problem any more. */
function isFresh(rates: WatchedRates, inspection: Inspection | undefined): boolean {
  return ((inspection?.cached ?? rates.own)?.freshMs ?? 0) > 0;
}

function ratesOf({ rates, clock }: OverviewSources, inspection: Inspection | undefined): Overview["rates"] {
  const cached = inspection?.cached ?? rates.own;
  return {
    state: cached ? cached.freshMs > 0 ? "fresh" : "stale" : inspection ? "none" : "unknown",
    as_of: cached ? new Date(cached.rates.asOfMs).toISOString() : null,
    age_ms: cached ? Math.round(clock.now() - cached.rates.asOfMs) : null,
    fresh_ms: cached ? Math.round(Math.max(0, cached.freshMs)) : null,
    lock: inspection
      ? {
        state: inspection.lock.state,
        holder: inspection.lock.holder ?? null,
        ttl_ms: inspection.lock.state === "free" ? null : Math.round(inspection.lock.ttlMs),
      }
      : { state: "unknown", holder: null, ttl_ms: null },
    per_eur: cached ? Object.fromEntries(Array.from(cached.rates.perEur, ([name, { text }]) => [name, text])) : {},
    alone: rates.alone,
    calls: rates.counts.calls,
    problem: rates.failure === undefined || isFresh(rates, inspection) ? null : redact(rates.failure),
  };
}
