/** All subscribers, the stuck one first: this one as it is, the others as they last told. */
import type { SubscriberAnswer } from "../../dashboard/subscriber_answer.ts";
import type { HeardReport, SubscriberReport } from "./fleet.ts";

/** The worst first. */
export const subscriberStates = ["holding", "silent", "connecting", "leaving", "working"] as const;

/** A subscriber that has told nothing for this long is silent: it tells something every second. */
const silentMs = 10_000;
/** It has missed more than one turn. */
const quietMs = 3_000;

type SeenReport = Omit<HeardReport, "state"> & Pick<SubscriberAnswer, "state">;

export interface FleetView {
  readonly subscribers: readonly SubscriberAnswer[];
  /** Deliveries that they hold; `null` when not all of them can be heard. */
  readonly unacknowledged: number | null;
  /** Consumers of the queue that tell nothing of themselves, or no longer; `null` when that is not known. */
  readonly unheard: number | null;
}

/**
 * @param reports `undefined` when those of the others cannot be read
 * @param consumers of the queue, by the broker; `undefined` when it does not tell
 * @param own this subscriber's report, which takes the place of the one it has told
 */
export function viewOf(
  reports: readonly HeardReport[] | undefined,
  consumers: number | undefined,
  nowMs: number,
  own?: SubscriberReport,
): FleetView {
  const others = (reports ?? []).filter(({ id }) => id !== own?.id);
  const all = withoutGone(own ? [{ ...own, heard_ms: 0 }, ...others] : others, consumers);
  const unheard = reports && consumers !== undefined ? Math.max(0, consumers - countTelling(all)) : null;
  return {
    subscribers: all.map((report) => answerOf(report, nowMs)).sort(stuckFirst),
    unacknowledged: reports && !unheard ? all.reduce((sum, { events }) => sum + events, 0) : null,
    unheard,
  };
}

/** Whether it has events that nobody can tell when it will be done with. */
export function isStuck({ state, events }: SubscriberAnswer): boolean {
  return state === "holding" || state === "silent" && events > 0;
}

/** Stuck by its last report, which is old. */
export function isStuckUnheard(subscriber: SubscriberAnswer): boolean {
  return isStuck(subscriber) && isQuiet(subscriber);
}

/** Age of the oldest event that any of them holds, ms; 0 when there is none. */
export function oldestMsOf({ subscribers }: FleetView): number {
  return Math.max(0, ...subscribers.map(({ oldest_ms }) => oldest_ms));
}

/**
 * What a process held that was killed is back in the queue: so it is, once the broker counts no more consumers than there
 * are subscribers that still tell something.
 */
function withoutGone(reports: readonly HeardReport[], consumers = Infinity): readonly SeenReport[] {
  if (consumers > countTelling(reports)) return reports;
  const nothing = { state: "silent", consuming: false, events: 0, batches: 0, oldest_ms: 0 } as const;
  return reports.map((report) => isQuiet(report) ? { ...report, ...nothing } : report);
}

/** Consumers by their own reports, as far as these are of now: an old one tells nothing of what its subscriber holds. */
function countTelling(reports: readonly Pick<HeardReport, "consuming" | "heard_ms">[]): number {
  return reports.filter((report) => report.consuming && !isQuiet(report)).length;
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
    // What a subscriber held that works is stored by now, or as good as.
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
