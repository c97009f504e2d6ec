/** `GET /overview`: all that the page shows. A value that cannot be read at the moment is `null`, and `problems` says why. */
import { version } from "../../shared/runtime/configuration/command.ts";
import { cutTo, mostShown } from "../../shared/runtime/printable.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import type { Overview } from "../dashboard/answers.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import { catchUpOf, QueueGrowth } from "./catch_up.ts";
import { oldestMsOf } from "./fleet/fleet_view.ts";
import { dependencies, dependencyNames } from "./probes.ts";
import { isFresh, problemsOf } from "./problems.ts";
import type { Sources } from "./sources.ts";
import { Standing } from "./standing.ts";

/** The broker counts a new consumer a moment before its first report, and a subscriber may pause for a moment. */
const unheardMs = 5_000;

export function overviewOf(sources: Sources): () => Promise<Overview> {
  const { clock, stats, latencies, subscriberId, mode } = sources;
  const startedAt = clock.monotonic();
  const standing = new Standing(clock);
  const growth = new QueueGrowth(clock);
  let unheardSince: { readonly monotonic: number; readonly wall: number } | undefined;
  return async () => {
    const [totals, shares, depths, letters, inspection, runway, states, fleet] = await Promise.all([
      sources.totals().catch(() => undefined),
      sources.shares().catch(() => undefined),
      sources.depths().catch(() => undefined),
      sources.deadLetters().catch(() => undefined),
      sources.inspectRates().catch(() => undefined),
      sources.runway().catch(() => undefined),
      sources.dependencies(),
      sources.subscribers(),
    ]);
    const now = clock.monotonic();
    // While reports cannot be read, no consumer counts as heard. Without the broker, none counts as missing.
    const areAllHeard = fleet.unheard === 0 || !depths;
    unheardSince = areAllHeard ? undefined : unheardSince ?? { monotonic: now, wall: clock.now() };
    const isLong = unheardSince !== undefined && now - unheardSince.monotonic >= unheardMs;
    const unheard = isLong && fleet.unheard ? { consumers: fleet.unheard, sinceMs: unheardSince!.wall } : undefined;
    const ready = depths?.events.messages ?? null;
    growth.add(ready);
    const problems = problemsOf(sources, { states, depths, inspection, fleet, unheard, runway });
    // Letters that a keeper holds are in neither the queue nor the table; they count when they stay there.
    const unkept = depths && depths.dead.messages + sources.keeper.waiting;
    const deadLetters = unkept !== undefined && letters !== undefined ? letters.dead + unkept : null;
    // The group of a letter outside the table is not known yet, so the letter counts as untended.
    const untended = unkept !== undefined && letters !== undefined ? letters.untended + unkept : null;
    const headline = standing.enter(problems.length > 0 ? "problems" : untended ? "letters" : "well");
    return {
      // After the headline: it began before now.
      at: new Date(clock.now()).toISOString(),
      version,
      subscriber_id: subscriberId,
      uptime_ms: Math.round(clock.monotonic() - startedAt),
      mode,
      standing: headline,
      problems,
      subscribers: fleet.subscribers,
      materialized: totals?.materialized ?? null,
      events_last_second: totals?.eventsLastSecond ?? null,
      events_per_minute_by_subscriber: shares ? Object.fromEntries(shares) : null,
      queue: depths
        ? {
          messages: depths.events.messages,
          consumers: depths.events.consumers,
          unacknowledged: fleet.unacknowledged,
          in_hand: sources.unsettled(),
          oldest_ms: oldestMsOf(fleet),
        }
        : null,
      catch_up: catchUpOf({
        ready,
        outPerSecond: totals?.materialized.events_per_second_moving_average,
        growthPerSecond: growth.perSecond,
      }),
      dead_letters: deadLetters,
      dead_letters_untended: untended,
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
        holder: inspection.lock.holder === undefined ? null : cutTo(inspection.lock.holder, mostShown),
        ttl_ms: inspection.lock.state === "free" ? null : Math.round(inspection.lock.ttlMs),
      }
      : { state: "unknown", holder: null, ttl_ms: null },
    per_eur: cached ? Object.fromEntries(Array.from(cached.rates.perEur, ([name, { text }]) => [name, text])) : {},
    alone: rates.alone,
    calls: rates.counts.calls,
    problem: rates.failure === undefined || isFresh(rates, inspection) ? null : redact(rates.failure),
  };
}
