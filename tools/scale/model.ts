/** How much the system does, computed from what an event costs: bench/README.md, "What limits each", in formulas. */
import * as costs from "./costs.ts";

export interface Load {
  /** How many different players the events are of. */
  readonly players: number;
  /** Whether subscribers write each event as a line of JSON. */
  readonly lines: boolean;
  /** Events that are stored already. */
  readonly stored: number;
}

export const usualLoad: Load = { players: 1_000, lines: false, stored: 0 };

/** µs of CPU an event. */
export interface EventCost {
  readonly subscriber: number;
  readonly postgres: number;
  readonly rabbitmq: number;
}

/** @param subscribers that share a queue */
export function costOf({ players, lines, stored }: Load, subscribers = 1): EventCost {
  const crowded = 1 + costs.perDoubling * Math.log2(subscribers);
  return {
    subscriber: (at(costs.byPlayers.subscriberUs, players) + (lines ? costs.linesUs : 0)) * crowded,
    postgres: at(costs.byPlayers.postgresUs, players) * grown(stored, costs.perTenfold.cpu) * crowded,
    rabbitmq: costs.deliverUs * crowded,
  };
}

/** Events a second that one subscriber does at most: it has one thread, and each window waits for a part of the one before. */
export function mostOfOneSubscriber(load: Load): number {
  const { subscriber } = costOf(load);
  const postgresMs = at(costs.byPlayers.postgresUs, load.players) * grown(load.stored, costs.perTenfold.time);
  return 1e6 / (subscriber + costs.waitedFor * postgresMs);
}

/** Events a second from a queue that is full, on one machine with the servers. */
export function mostOnOneMachine(load: Load, subscribers: number, cores: number): number {
  const { subscriber, postgres, rabbitmq } = costOf(load, subscribers);
  const machine = cores * costs.usable * 1e6 / (subscriber + postgres + rabbitmq);
  return Math.min(subscribers * mostOfOneSubscriber(load), machine);
}

/** Events a second that are published, with nobody to take them. */
export function mostPublished(cores: number): number {
  return cores * costs.usable * 1e6 / (costs.publisherUs + costs.acceptUs);
}

/** Events a second with one publisher and one subscriber at once, on one machine with the servers. */
export function mostThroughAll(load: Load, cores: number): number {
  const { subscriber, postgres, rabbitmq } = costOf(load);
  const sum = costs.publisherUs + costs.acceptUs + rabbitmq + subscriber + postgres;
  return Math.min(mostOfOneSubscriber(load), cores * costs.usable * 1e6 / sum);
}

/** ms from publication to commit, of half of the events: windows take longer the more is in them. */
export function medianLatencyMs(load: Load, eventsPerSecond: number): number {
  return costs.idleLatencyMs / (1 - eventsPerSecond / mostOfOneSubscriber(load));
}

/** Bytes an event in Postgres's log. */
export function walBytes({ players }: Load): number {
  return at(costs.byPlayers.walBytes, players);
}

function grown(stored: number, perTenfold: number): number {
  return 1 + perTenfold * Math.log10(1 + stored / 1e5);
}

/** Between two points by the logarithm of x; beyond them as at the nearest. */
function at(points: readonly (readonly [number, number])[], x: number): number {
  const upper = points.findIndex(([each]) => each >= x);
  if (upper === 0) return points[0]![1];
  if (upper < 0) return points.at(-1)![1];
  const [[x0, y0], [x1, y1]] = [points[upper - 1]!, points[upper]!];
  return y0 + (y1 - y0) * Math.log(x / x0) / Math.log(x1 / x0);
}
