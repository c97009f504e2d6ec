/** What every interface must report after recovery, once all messages are settled. */
import type { Status } from "../../tools/status/status.ts";
import { figureIn, type Told } from "./told.ts";

/** The expected figures after recovery. */
export interface Peace {
  readonly stored: number;
  readonly dead: number;
  readonly subscribers: readonly string[];
}

export function peaceOf({ overview, readiness, metrics }: Told) {
  const { standing, problems, subscribers, queue, dead_letters, materialized } = overview;
  return {
    ...{ state: standing.state, problems, stored: materialized?.events_total, dead: dead_letters },
    queue: [queue?.messages, queue?.unacknowledged, queue?.oldest_ms],
    subscribers: subscribers.map(({ id, state, events }) => `${id} ${state} ${events}`).sort(),
    ready: readiness.ready,
    gauges: [
      ...['casino_queue_messages{queue="events"}', "casino_dead_letters"],
      ...['casino_queue_messages{queue="unacknowledged"}', "casino_oldest_event_seconds"],
    ].map((name) => figureIn(metrics, name)),
  };
}

export function rightPeace({ stored, dead, subscribers }: Peace): ReturnType<typeof peaceOf> {
  return {
    ...{ state: dead > 0 ? "letters" : "well", problems: [], stored, dead, queue: [0, 0, 0] },
    subscribers: subscribers.map((id) => `${id} working 0`).sort(),
    ...{ ready: true, gauges: [0, dead, 0, 0] },
  };
}

export function peaceOfStatus({ lag, totals, subscribers }: Status) {
  return {
    lag: lag.messages,
    stored: totals.problem === null ? totals.events_total : totals.problem,
    dead: totals.problem === null ? totals.dead_letters : totals.problem,
    subscribers: subscribers.problem === null
      ? subscribers.subscribers.map(({ id, state }) => `${id} ${state}`).sort()
      : subscribers.problem,
  };
}

export function rightPeaceOfStatus({ stored, dead, subscribers }: Peace): ReturnType<typeof peaceOfStatus> {
  return { lag: 0, stored, dead, subscribers: subscribers.map((id) => `${id} working`).sort() };
}
