/** Compares what the page, health, the metrics and `deno task status` report with the true state. */
import type { Overview } from "../../subscriber/dashboard/answers.ts";
import type { Readiness } from "../../subscriber/http/health.ts";
import { isStuck } from "../../subscriber/metrics/fleet/fleet_view.ts";
import type { Status } from "../../tools/status/status.ts";

/** The true state, as read from the servers and from the campaign's own actions, not from the subscribers. */
export interface Truth {
  /** Time in ms since the last event was stored or dead-lettered, while events were waiting. */
  readonly stalledMs: number;
  /** Subscribers that Postgres has refused for long enough that every subscriber must know. */
  readonly refused: readonly string[];
}

/** The answers of one subscriber. */
export interface Told {
  readonly who: string;
  readonly overview: Overview;
  readonly readiness: Readiness;
  readonly metrics: string;
}

/**
 * The longest time a subscriber may take to notice: 10 s for a batch that does not fail, plus the polling intervals of
 * both sides.
 */
const noticedMs = 14_000;

/**
 * @param holding the refused subscribers that report events in hand
 * @returns one sentence for each wrong answer
 */
export function liesOf(
  { who, overview, readiness, metrics }: Told,
  truth: Truth,
  holding: readonly string[],
): string[] {
  const lies: string[] = [];
  const { state } = overview.standing;
  const inHand = figureIn(metrics, "casino_unsettled_deliveries");
  if (truth.stalledMs >= noticedMs) {
    const stalled = `nothing has been stored for ${Math.round(truth.stalledMs / 1_000)} s though events wait`;
    if (state !== "problems") lies.push(`${stalled}, but the page of ${who} says ${state}`);
    if (readiness.ready && inHand > 0) lies.push(`${stalled}, but ${who} holds ${inHand} and is ready`);
  }
  for (const other of holding) {
    const held = `${other} holds events that Postgres refuses`;
    // A subscriber that cannot hear the other may report that its events are unknown, but not that there is no problem.
    if (state !== "problems") lies.push(`${held}, but the page of ${who} says ${state}`);
    if (other === who && readiness.ready) lies.push(`${held}, but it is ready`);
    const isUnknown = other !== who && overview.queue?.unacknowledged == null;
    if (!isUnknown && !overview.subscribers.some((it) => it.id === other && isStuck(it))) {
      lies.push(`${held}, but ${who} does not list it as stuck`);
    }
    if (other !== who && Number.isNaN(figureIn(metrics, 'casino_queue_messages{queue="unacknowledged"}'))) continue;
    if (
      figureIn(metrics, 'casino_subscribers{state="holding"}') +
          figureIn(metrics, 'casino_subscribers{state="silent"}') < 1
    ) {
      lies.push(`${held}, but the metrics of ${who} count none that does`);
    }
    if (figureIn(metrics, "casino_oldest_event_seconds") === 0) {
      lies.push(`${held}, but the oldest event of ${who} is 0 s old`);
    }
  }
  return lies;
}

export function liesOfStatus({ lag, subscribers }: Status, truth: Truth, holding: readonly string[]): string[] {
  // An unknown figure is reported as unknown.
  if (lag.ready === null || lag.unacknowledged === null || subscribers.problem !== null) return [];
  const lies: string[] = [];
  if (truth.stalledMs >= noticedMs && lag.messages === 0) lies.push("events wait for long, but status tells of no lag");
  for (const other of holding) {
    if (lag.until === null) {
      lies.push(`${other} holds events that Postgres refuses, but status tells when the lag ends`);
    }
    if (!subscribers.subscribers.some((it) => it.id === other && isStuck(it))) {
      lies.push(`${other} holds events that Postgres refuses, but status does not list it as stuck`);
    }
  }
  return lies;
}

/** Returns `NaN` when the metric is missing. */
export function figureIn(metrics: string, name: string): number {
  const line = metrics.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? NaN);
}
