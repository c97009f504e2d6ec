/** What was refused, and how often it must be, between others that the database takes, before it counts as poisonous. */
import type { Event } from "../../shared/event/event.ts";
import { msOfTimestamp } from "../../shared/event/timestamp.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { msOfMessageId } from "../../shared/rabbitmq/message_id.ts";
import { type Dead, dead } from "../../shared/rabbitmq/outcome.ts";
import {
  classifyStoreError,
  describeRefusal,
  isPartitionMissing,
  isWeekMissing,
  mayMeanOneEvent,
  sqlStateOf,
} from "../../shared/runtime/errors.ts";
import { eventOf, type Evidence } from "./evidence.ts";

/** Deliveries that were refused together, or one that was refused alone. */
export interface Refused {
  readonly deliveries: readonly Delivery[];
  readonly error: unknown;
  /** The moment of the last refusal. */
  readonly since: number;
  /** Of what was refused alone. */
  readonly event: Event | undefined;
  /** How often it was refused after another event was taken. */
  readonly strikes: number;
  /** Since its last refusal. */
  readonly wasHeld: boolean;
}

/** Of an event that is refused; and of one that was held in between. */
const [strikesAtOnce, strikesBeyondHolds] = [3, 4];

/**
 * By an error that a real outage gives as well. Before each refusal the event is held, for up to 5 s: together they take about
 * a minute, and the statements their own time besides. If each refusal were chance, one in two, and so with the others, an event would get so far once in four billion times.
 */
const strikesInDoubt = 16;

/** Of several together, by such an error, before they are divided. */
const strikesOfSeveral = 4;

/** How long before now, and after it, a time may lie for which a partition should be there. */
const [latelyMs, soonMs] = [35 * 86_400_000, 86_400_000];

/** Of deliveries that were refused by a doubtful error: it lasts while they wait for rates, and come again in another batch. */
export class Doubts {
  readonly #alone = new WeakMap<Delivery, Pick<Refused, "since" | "strikes">>();
  readonly #together = new WeakMap<Delivery, Pick<Refused, "since" | "strikes">>();

  constructor(private readonly evidence: Evidence) {}

  /** @returns the refusal that has just been met, with its strikes */
  refusedNow(deliveries: readonly Delivery[], error: unknown): Refused {
    const event = deliveries.length === 1 ? eventOf(deliveries[0]!) : undefined;
    const since = this.evidence.tick();
    const refused = { deliveries, error, since, event, strikes: 0, wasHeld: false };
    if (!isDoubtful(refused)) return refused;
    const known = deliveries.length === 1 ? this.#alone : this.#together;
    const strikes = Math.max(...deliveries.map((delivery) => {
      const before = known.get(delivery);
      return before && this.evidence.since(before.since, event?.type) ? before.strikes + 1 : 0;
    }));
    for (const delivery of deliveries) known.set(delivery, { since, strikes });
    return { ...refused, strikes };
  }
}

/**
 * `Infinity` for several together, and for what is never the event's own fault:
 * - A lock, a deadlock, a full disk. It may hit the same event again and again: a session holds a lock on its player's row.
 * - A partition that is missing for an event of the last 35 days or of the next day: somebody forgot to create it. Partitions
 *   are of a month at most, events are a few days late at most, and clocks and time zones are less than a day apart. For a
 *   time far away nobody wants a partition: the time is wrong, or its partition was dropped.
 *
 * Where our own partitions are missing, the time is that of the message id. Of other partitions only the event's time is known.
 */
export function strikesNeeded({ deliveries, error, event, wasHeld }: Refused, nowMs: number): number {
  if (deliveries.length > 1) return Infinity;
  if (classifyStoreError(error) === "doubtful") return mayMeanOneEvent(error) ? strikesInDoubt : Infinity;
  if (isPartitionMissing(error) && event && isNear(partitionMs(event, deliveries[0]!, error), nowMs)) return Infinity;
  return wasHeld ? strikesBeyondHolds : strikesAtOnce;
}

function partitionMs({ createdAt }: Event, { messageId }: Delivery, error: unknown): number {
  return isWeekMissing(error) ? msOfMessageId(messageId) : msOfTimestamp(createdAt);
}

function isNear(ms: number, nowMs: number): boolean {
  return ms > nowMs - latelyMs && ms < nowMs + soonMs;
}

/** Whether it is held before each further attempt, whatever becomes of others. A verdict needs no attempt. */
export function isPatient(refused: Refused, nowMs: number): boolean {
  if (refused.deliveries.length > 1) return isDoubtful(refused) && refused.strikes < strikesOfSeveral;
  const needed = strikesNeeded(refused, nowMs);
  return needed > strikesBeyondHolds && refused.strikes < needed;
}

export function isDoubtful({ error }: Refused): boolean {
  return classifyStoreError(error) === "doubtful";
}

/** It is tried once in each round: a statement that takes too long is not tried twice. */
export function isOneInDoubt(refused: readonly Refused[]): boolean {
  return refused.length === 1 && isDoubtful(refused[0]!);
}

export function isLost({ deliveries }: Pick<Refused, "deliveries">): boolean {
  return deliveries.every((delivery) => delivery.isLost);
}

/** Without an SQLSTATE it was our own code that failed. */
export function poisonous(error: unknown): Dead {
  return dead(sqlStateOf(error) === undefined ? "processing-failed" : "store-rejected", describeRefusal(error));
}
