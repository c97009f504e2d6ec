/** Refused deliveries, and the number of strikes after which an event counts as poisonous. */
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

/** Deliveries that the database refused in one attempt. */
export interface Refused {
  readonly deliveries: readonly Delivery[];
  readonly error: unknown;
  /** The moment of the last refusal ({@linkcode Evidence.tick}). */
  readonly since: number;
  /** The event of a single delivery; `undefined` for several deliveries. */
  readonly event: Event | undefined;
  /** Refusals after which the database had taken another event. */
  readonly strikes: number;
  /** Whether the deliveries were held since their last refusal. */
  readonly wasHeld: boolean;
}

/** Strikes after which a refused event is poisonous: without a hold, and after a hold. */
const [strikesAtOnce, strikesBeyondHolds] = [3, 4];

/**
 * Strikes after which an event with a doubtful error is poisonous: an outage gives such an error too. Each hold takes
 * up to 5 s, all holds about a minute, and the statements their own time. If every attempt of this event and of the
 * others failed with probability 1/2, an event would collect 16 strikes once in four billion times.
 */
const strikesInDoubt = 16;

/** Strikes after which a group with a doubtful error is divided. */
const strikesOfSeveral = 4;

/** A partition should exist for times from 35 days ago to one day ahead. */
const [latelyMs, soonMs] = [35 * 86_400_000, 86_400_000];

/**
 * The strikes of deliveries with doubtful errors. They survive a wait for rates, after which a delivery joins another
 * batch.
 */
export class Doubts {
  readonly #alone = new WeakMap<Delivery, Pick<Refused, "since" | "strikes">>();
  readonly #together = new WeakMap<Delivery, Pick<Refused, "since" | "strikes">>();

  constructor(private readonly evidence: Evidence) {}

  /** Records a refusal. @returns the refusal with its strikes */
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
 * Returns the strikes after which a single event is poisonous. Returns `Infinity` for several deliveries, and for
 * errors that are never the fault of one event:
 * - A lock, a deadlock, a full disk. The same event may fail repeatedly: another session may lock its player's row.
 * - A missing partition for a time between 35 days ago and one day ahead: the operator forgot to create it. Partitions
 *   cover a month at most, events are a few days late at most, and clocks and time zones differ by less than a day. No
 *   operator creates a partition for a time outside that range: the time is wrong, or its partition was dropped.
 *
 * For the partitions of our migrations, the time is that of the message id. For other partitions, only the event's time
 * is known.
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

/**
 * Whether the group is held before each further attempt, even when the database takes other events. After enough
 * strikes a verdict needs no attempt.
 */
export function isPatient(refused: Refused, nowMs: number): boolean {
  if (refused.deliveries.length > 1) return isDoubtful(refused) && refused.strikes < strikesOfSeveral;
  const needed = strikesNeeded(refused, nowMs);
  return needed > strikesBeyondHolds && refused.strikes < needed;
}

export function isDoubtful({ error }: Refused): boolean {
  return classifyStoreError(error) === "doubtful";
}

/** Whether one doubtful group is left. It is tried once per round, so that a slow statement does not run twice. */
export function isOneInDoubt(refused: readonly Refused[]): boolean {
  return refused.length === 1 && isDoubtful(refused[0]!);
}

export function isLost({ deliveries }: Pick<Refused, "deliveries">): boolean {
  return deliveries.every((delivery) => delivery.isLost);
}

/** Returns the dead letter of a poison message. An error without SQLSTATE is a fault in our code. */
export function poisonous(error: unknown): Dead {
  return dead(sqlStateOf(error) === undefined ? "processing-failed" : "store-rejected", describeRefusal(error));
}
