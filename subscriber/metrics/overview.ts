/** `GET /overview`: all that the page shows. A value that cannot be read at the moment is `null`, and `problems` says why. */
import { version } from "../../shared/runtime/configuration/command.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import type { Overview } from "../dashboard/answers.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import type { WatchedRates } from "../rates/source.ts";
import { dependencies, dependencyNames, type DependencyState } from "./probes.ts";
import type { Depths } from "./queue_depths.ts";
import { oldestMs, type Sources } from "./sources.ts";

/** An event in hand that is older is a problem. */
const lateMs = 60_000;

export function overviewOf(sources: Sources): () => Promise<Overview> {
  const { clock, stats, latencies, subscriberId, mode } = sources;
  const startedAt = clock.monotonic();
  return async () => {
    const [totals, depths, letters, inspection, states] = await Promise.all([
      sources.totals().catch(() => undefined),
      sources.depths().catch(() => undefined),
      sources.deadLetters().catch(() => undefined),
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
      // What a keeper has in hand is in neither, for a moment.
      dead_letters: depths && letters !== undefined ? letters + depths.dead.messages : null,
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
  sources: Sources,
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
  problems.push(...sources.keeper.problems(sources).map(redact));
  const oldest = oldestMs(sources);
  if (problems.length === 0 && oldest > lateMs) {
    const ready = depths?.events.messages ?? 0;
    const cure = ready > 0 && mode === "servers" ? ` ${ready} more wait in the queue: start another subscriber.` : "";
    problems.push(`The oldest event in hand was published ${Math.round(oldest / 1000)} s ago.${cure}`);
  }
  return problems;
}

/** Another subscriber's call may have fetched rates after ours failed. */
function isFresh(rates: WatchedRates, inspection: Inspection | undefined): boolean {
  return ((inspection?.cached ?? rates.own)?.freshMs ?? 0) > 0;
}

function ratesOf({ rates, clock }: Sources, inspection: Inspection | undefined): Overview["rates"] {
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
