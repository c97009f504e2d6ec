/** What is wrong, in sentences for the page's headline. */
import { redact } from "../../shared/runtime/secrets.ts";
import type { SubscriberAnswer } from "../dashboard/subscriber_answer.ts";
import type { Inspection } from "../rates/shared_rates.ts";
import type { WatchedRates } from "../rates/source.ts";
import { type FleetView, isStuck, isStuckUnheard, oldestMsOf } from "./fleet/fleet_view.ts";
import { dependencyNames, type DependencyState } from "./probes.ts";
import type { Depths } from "./queue_depths.ts";
import type { Sources } from "./sources.ts";

/** An older event in hand is a problem. */
const lateMs = 60_000;

/** Fewer days ahead with partitions are a problem, as for the alert CasinoPartitionsRunOut. */
const leastRunwayDays = 14;

type ProblemSources = Pick<Sources, "gate" | "rates" | "keeper" | "clock" | "consuming" | "mode" | "subscriberId">;

/** What the servers and the other subscribers report; `undefined` when they do not answer. */
interface Found {
  readonly states: Readonly<Record<string, DependencyState>>;
  readonly depths: Depths | undefined;
  readonly inspection: Inspection | undefined;
  readonly fleet: FleetView;
  /** Consumers without a recent report, and since when, in ms since 1970. */
  readonly unheard: { readonly consumers: number; readonly sinceMs: number } | undefined;
  /** Days ahead for which events have partitions; `undefined` also for a table without partitions. */
  readonly runway: number | undefined;
}

const redisAway = {
  servers:
    "each subscriber calls the rates API itself, once per RATES_TTL_MS; the other subscribers' events in hand are unknown",
  embedded: "each subscriber calls the rates API itself, once per RATES_TTL_MS",
};

/** The problems name at most so many stuck subscribers and count the rest. */
const mostNamed = 3;

/** Returns the problems as sentences, the worst first. */
export function problemsOf(
  { gate, rates, keeper, clock, consuming, mode, subscriberId }: ProblemSources,
  { states, depths, inspection, fleet, unheard, runway }: Found,
): string[] {
  const problems: string[] = [];
  const broken = (name: "rabbitmq" | "redis" | "postgres" | "rates_api", consequence: string) => {
    const { ok, problem } = states[name]!;
    if (!ok) problems.push(`${dependencyNames[mode][name]} is not available (${bare(problem ?? "")}): ${consequence}.`);
  };
  broken("rabbitmq", "no events are consumed");
  if (states["rabbitmq"]!.ok && !consuming()) {
    const wait = gate.mayTake ? "it is reconnecting" : "it waits until Postgres accepts events";
    problems.push(`This subscriber is not consuming: ${wait}.`);
  }
  broken("postgres", "subscribers hold events until Postgres accepts them");
  problems.push(...stuckSentences(fleet.subscribers.filter(isStuck), subscriberId));
  broken("redis", redisAway[mode]);
  // Stuck subscribers are named above and do not count again.
  const others = (unheard?.consumers ?? 0) - fleet.subscribers.filter(isStuckUnheard).length;
  if (unheard && others > 0) problems.push(unheardSentence(others, unheard.sinceMs, fleet));
  broken(
    "rates_api",
    areGone(rates, inspection)
      ? "no rates are left, so events that need them become dead letters until it answers"
      : "the cached rates are used until they expire",
  );
  if (states["rates_api"]!.ok && rates.failure !== undefined && !isFresh(rates, inspection)) {
    problems.push(`The last call to the rates API failed: ${redact(rates.failure)}.`);
  }
  problems.push(...keeper.problems({ clock }).map(redact));
  if (runway !== undefined && runway < leastRunwayDays) {
    const days = Math.max(0, Math.floor(runway));
    problems.push(
      `The table events has partitions for ${days} more ${days === 1 ? "day" : "days"}, ` +
        "and no subscriber could create the next: each log says why (partitions.failed).",
    );
  }
  const oldest = oldestMsOf(fleet);
  if (problems.length === 0 && oldest > lateMs) {
    const ready = depths?.events.messages ?? 0;
    const cure = ready > 0 && mode === "servers" ? ` ${ready} more wait in the queue: start another subscriber.` : "";
    problems.push(`The oldest event in hand was published ${Math.round(oldest / 1000)} s ago.${cure}`);
  }
  return problems;
}

/** Gives times, not durations: a screen reader reads a sentence again when it changes. */
function stuckSentences(stuck: readonly SubscriberAnswer[], ownId: string): string[] {
  const sentences = stuck.slice(0, mostNamed).map(({ id, state, since, events, last_error }) => {
    const who = id === ownId ? "This subscriber" : `Subscriber ${id}`;
    const at = timeOf(since);
    return state === "silent"
      ? `${who} has not reported since ${at}; it held ${countOf(events)} then.`
      // Without events: its connection was lost, so the broker requeued the deliveries for others.
      : `${who} has held ${events === 0 ? "a batch" : countOf(events)} since ${at}: ${bare(last_error ?? "")}.`;
  });
  const rest = stuck.slice(mostNamed);
  if (rest.length === 0) return sentences;
  const events = countOf(rest.reduce((sum, { events }) => sum + events, 0));
  return [...sentences, `${rest.length} more ${rest.length === 1 ? "holds" : "subscribers hold"} ${events}.`];
}

function unheardSentence(consumers: number, sinceMs: number, { subscribers }: FleetView): string {
  const [who, what] = consumers === 1
    ? ["1 consumer of the queue has", "its"]
    : [`${consumers} consumers of the queue have`, "their"];
  const cause = "paused, of an older version, or with another Redis or REDIS_KEY_PREFIX";
  const silent = subscribers.filter((each) => each.state === "silent" && !isStuck(each)).map(({ id }) => id);
  const names = silent.length > 0 ? ` Silent: ${silent.slice(0, mostNamed).join(", ")}.` : "";
  return `${who} not reported ${what} events in hand since ${
    timeOf(new Date(sinceMs).toISOString())
  }: ${cause}.${names}`;
}

/** Servers end some of their sentences with a full stop. */
function bare(text: string): string {
  return text.replace(/\.$/, "");
}

function timeOf(instant: string): string {
  return `${instant.slice(11, 19)} UTC`;
}

function countOf(events: number): string {
  return events === 1 ? "1 event" : `${events} events`;
}

/** Whether no rates can be used, not even stale ones. While Redis does not answer, other subscribers may have some. */
function areGone(rates: WatchedRates, inspection: Inspection | undefined): boolean {
  return inspection !== undefined && ((inspection.cached ?? rates.own)?.usableMs ?? 0) <= 0;
}

/** Another subscriber's call may have fetched rates after ours failed. */
export function isFresh(rates: WatchedRates, inspection: Inspection | undefined): boolean {
  return ((inspection?.cached ?? rates.own)?.freshMs ?? 0) > 0;
}
