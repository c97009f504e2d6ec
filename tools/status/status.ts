/** The status: the keys of `--json`, and the source of the screen. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { CatchUp, Materialized } from "../../subscriber/dashboard/answers.ts";
import type { HeardReport } from "../../subscriber/metrics/fleet/fleet.ts";
import { type Look, Progress, type SinceLast } from "./progress.ts";
import { type FleetView, isStuck, viewOf } from "../../subscriber/metrics/fleet/fleet_view.ts";

export interface Status {
  /** RFC 3339. */
  readonly at: string;
  readonly queues: Part<Queues>;
  readonly lag: Lag;
  /** When the queue will be empty, from the rates of arrival and storing. */
  readonly catch_up: CatchUp;
  /** How figures have changed since the last look; `null` with the first, which is all without --watch. */
  readonly since_last: SinceLast | null;
  readonly subscribers: Part<FleetView>;
  readonly rates: Part<RatesCache>;
  readonly totals: Part<Totals>;
}

/** One server's part, or the problem that prevented reading it. */
export type Part<T> = Readonly<T> & { readonly problem: null } | { readonly problem: string };

export interface Queues {
  /** All shards: the sum of the messages, and the consumers of the shard that has the most. */
  readonly events: QueueState & {
    /** Each events queue; absent with one queue. */
    readonly shards?: readonly QueueState[];
  };
  readonly dead_letters: QueueState;
}

export interface QueueState {
  readonly name: string;
  /** Ready messages; `null`: the queue does not exist. */
  readonly messages: number | null;
  readonly consumers: number | null;
}

export interface Lag {
  /** All unsettled messages: ready and in hand, as far as known. */
  readonly messages: number | null;
  readonly ready: number | null;
  /** Messages in the subscribers' hands; `null` when a subscriber's report is missing. */
  readonly unacknowledged: number | null;
  /** Estimated seconds at the rate of the last minute; `null` when unknown, or when the lag does not end by itself. */
  readonly seconds: number | null;
  /** The condition for the lag to end, if it does not end by itself: `a subscriber runs`. */
  readonly until: string | null;
}

export interface RatesCache {
  readonly state: "fresh" | "stale" | "none";
  readonly as_of: string | null;
  readonly currencies: number;
  /** Time until the rates are stale, and time until they expire. */
  readonly fresh_ms: number | null;
  readonly usable_ms: number | null;
  readonly lock: {
    readonly state: "free" | "held" | "paused";
    readonly holder: string | null;
    readonly ttl_ms: number;
  };
}

export interface Totals extends Materialized {
  /** Letters in the table; those that no keeper has moved yet are in the queue. */
  readonly dead_letters: number;
  /** Letters in the table whose group nobody has taken. */
  readonly dead_letters_untended: number;
  /** `null` where it cannot be read. */
  readonly history: StatusHistory | null;
  /** Subscribers that stored an event in the last minute, the busiest first; at most 20. */
  readonly subscribers: readonly { readonly id: string; readonly events_per_minute: number }[];
}

/** The last 24 hours, oldest first; `null` for an unknown step. */
export interface StatusHistory {
  readonly step_seconds: number;
  readonly stored_per_second: readonly (number | null)[];
  readonly ready: readonly (number | null)[];
  /** Over the last five minutes. */
  readonly queue_growth_per_second: number | null;
}

/** A server that is polled. */
export interface Reader<T> {
  /** @throws when the server does not answer, or answers with something else */
  read(): Promise<T>;
  close(): Promise<void>;
}

export interface Readers {
  readonly queues: Reader<Queues>;
  readonly rates: Reader<RatesCache>;
  readonly totals: Reader<Totals>;
  readonly reports: Reader<{ readonly reports: readonly HeardReport[] }>;
}

/**
 * Reads all servers at once; a server that is down does not affect the others' parts.
 * @param progress shared by all reads of one --watch
 */
export async function readStatus(
  { queues, rates, totals, reports }: Readers,
  clock: Clock,
  progress: Progress = new Progress(clock),
): Promise<Status> {
  const [ofQueues, ofRates, ofTotals, heard] = await Promise.all([
    ...[part(queues), part(rates), part(totals), part(reports)] as const,
  ]);
  const now = clock.now();
  const consumers = ofQueues.problem === null
    ? (ofQueues.events.shards ?? [ofQueues.events]).map(({ consumers }) => consumers ?? 0)
    : undefined;
  const subscribers: Part<FleetView> = heard.problem === null
    ? { ...viewOf(heard.reports, consumers, now), problem: null }
    : heard;
  return {
    at: new Date(now).toISOString(),
    queues: ofQueues,
    lag: lagOf(ofQueues, subscribers, ofTotals),
    ...progress.look(lookOf(ofQueues, ofTotals)),
    subscribers,
    rates: ofRates,
    totals: ofTotals,
  };
}

function lookOf(queues: Part<Queues>, totals: Part<Totals>): Look {
  const known = totals.problem === null ? totals : undefined;
  return {
    ready: queues.problem === null ? queues.events.messages ?? undefined : undefined,
    stored: known?.events_total,
    storedPerSecond: known?.events_per_second_moving_average,
    growthPerSecond: known?.history?.queue_growth_per_second ?? undefined,
  };
}

export function allAnswer({ queues, rates, totals, subscribers }: Status): boolean {
  return [queues, rates, totals, subscribers].every(({ problem }) => problem === null);
}

async function part<T>(reader: Reader<T>): Promise<Part<T>> {
  try {
    return { ...await reader.read(), problem: null };
  } catch (error) {
    return { problem: redact(messageOf(error)) };
  }
}

/** Names at most this many stuck subscribers; the list of subscribers has all of them. */
const mostNamed = 3;

function lagOf(queues: Part<Queues>, fleet: Part<FleetView>, totals: Part<Totals>): Lag {
  const ready = queues.problem === null ? queues.events.messages : null;
  const unacknowledged = fleet.problem === null ? fleet.unacknowledged : null;
  const messages = ready === null ? null : ready + (unacknowledged ?? 0);
  const until = messages === 0 ? null : endOf(queues, fleet);
  const pace = totals.problem === null ? totals.events_per_second_moving_average : 0;
  const seconds = messages === 0 ? 0 : messages === null || until !== null || pace === 0 ? null : messages / pace;
  return { messages, ready, unacknowledged, seconds, until };
}

/** Returns what must happen for the lag to end; `null` when subscribers are working on all of it. */
function endOf(queues: Part<Queues>, fleet: Part<FleetView>): string | null {
  const nobodyTakes = queues.problem === null && !queues.events.consumers;
  const stuck = fleet.problem === null ? fleet.subscribers.filter(isStuck) : [];
  const holding = stuck.filter(({ events }) => nobodyTakes || events > 0);
  if (holding.length > 0) return `subscriber ${holding.slice(0, mostNamed).map(({ id }) => id).join(", ")} resumes`;
  return nobodyTakes ? "a subscriber runs" : null;
}
