/** All subscribers, stuck ones first: this one's present state, and the last reports of the others. */
import type { SubscriberAnswer } from "../../dashboard/subscriber_answer.ts";
import type { HeardReport, SubscriberReport } from "./fleet.ts";

/** Worst first. */
export const subscriberStates = ["holding", "silent", "connecting", "leaving", "working"] as const;

/** A subscriber without a report for this long is silent. Subscribers report every second, idle ones every other. */
const silentMs = 10_000;
/** A subscriber without a report for this long is late by at least one. */
const quietMs = 4_000;

type SeenReport = Omit<HeardReport, "state"> & Pick<SubscriberAnswer, "state">;

export interface FleetView {
  readonly subscribers: readonly SubscriberAnswer[];
  /** Deliveries that all subscribers hold; `null` when one of them does not report. */
  readonly unacknowledged: number | null;
  /** Subscribers that the broker counts, without a recent report; `null` when their number is not known. */
  readonly unheard: number | null;
}

/**
 * @param reports `undefined` when the reports cannot be read
 * @param consumers the broker's count of each shard's consumers; `undefined` when the broker does not answer
 * @param own this subscriber's report, which replaces the stored one
 */
export function viewOf(
  reports: readonly HeardReport[] | undefined,
  consumers: readonly number[] | undefined,
  nowMs: number,
  own?: SubscriberReport,
): FleetView {
  const others = (reports ?? []).filter(({ id }) => id !== own?.id);
  const all = withoutGone(own ? [{ ...own, heard_ms: 0 }, ...others] : others, consumers);
  const unheard = reports && consumers !== undefined ? countUnheard(all, consumers) : null;
  return {
    subscribers: all.map((report) => answerOf(report, nowMs)).sort(stuckFirst),
    unacknowledged: reports && !unheard ? all.reduce((sum, { events }) => sum + events, 0) : null,
    unheard,
  };
}

/** Whether the subscriber holds a batch that makes no progress, or is silent and held events. */
export function isStuck({ state, events }: SubscriberAnswer): boolean {
  return state === "holding" || state === "silent" && events > 0;
}

/** Whether an old report is the last to say that the subscriber is stuck. */
export function isStuckUnheard(subscriber: SubscriberAnswer): boolean {
  return isStuck(subscriber) && isQuiet(subscriber);
}

/** Returns the age in ms of the oldest event that any subscriber holds; 0 when there is none. */
export function oldestMsOf({ subscribers }: FleetView): number {
  return Math.max(0, ...subscribers.map(({ oldest_ms }) => oldest_ms));
}

/**
 * Empties the old reports once the broker counts no more consumers than there are subscribers with recent reports. The
 * other subscribers were killed, and the broker has requeued their deliveries.
 */
function withoutGone(
  reports: readonly HeardReport[],
  consumers: readonly number[] | undefined,
): readonly SeenReport[] {
  if (!consumers || countUnheard(reports, consumers) > 0) return reports;
  const nothing = { state: "silent", consuming: false, events: 0, batches: 0, oldest_ms: 0 } as const;
  return reports.map((report) => isQuiet(report) ? { ...report, ...nothing } : report);
}

/**
 * Counts the consumers without a recent report, in the shard that has the most of them. An old report says nothing
 * about what its subscriber holds.
 */
function countUnheard(
  reports: readonly Pick<HeardReport, "consuming" | "heard_ms" | "takes">[],
  consumers: readonly number[],
): number {
  const telling = reports.filter((report) => report.consuming && !isQuiet(report));
  return Math.max(
    0,
    ...consumers.map((count, shard) => count - telling.filter(({ takes }) => takes?.includes(shard) ?? true).length),
  );
}

function isQuiet({ heard_ms }: Pick<HeardReport, "heard_ms">): boolean {
  return heard_ms >= quietMs;
}

function answerOf(report: SeenReport, nowMs: number): SubscriberAnswer {
  const { id, version, state, state_ms, events, batches, oldest_ms, last_error, last_error_ms, heard_ms } = report;
  const silent = state === "silent" || heard_ms >= silentMs;
  const at = (ageMs: number) => new Date(nowMs - ageMs).toISOString();
  return {
    ...{ id, version, events, batches, last_error },
    state: silent ? "silent" : state,
    since: at(silent ? heard_ms : state_ms + heard_ms),
    // A working subscriber has stored its reported events by now, or nearly so.
    oldest_ms: oldest_ms === 0 || state === "working" && !silent ? oldest_ms : Math.round(oldest_ms + heard_ms),
    last_error_at: last_error_ms === null ? null : at(last_error_ms + heard_ms),
    heard_ms: Math.round(heard_ms),
  };
}

function stuckFirst(one: SubscriberAnswer, other: SubscriberAnswer): number {
  return Number(isStuck(other)) - Number(isStuck(one)) ||
    subscriberStates.indexOf(one.state) - subscriberStates.indexOf(other.state) ||
    (isStuck(one) ? Date.parse(one.since) - Date.parse(other.since) : other.events - one.events) ||
    (one.id < other.id ? -1 : 1);
}
