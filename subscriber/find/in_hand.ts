/** A subscriber's answer to the question whether it holds an event. Subscribers and commands ask. */
import type { Event } from "../../shared/event/event.ts";
import { type EventJson, eventToJson } from "../../shared/event/json.ts";
import { decodeEvent } from "../../shared/event/protobuf.ts";
import { msOfTimestamp } from "../../shared/event/timestamp.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { publishedAtMs } from "../../shared/rabbitmq/message.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { redact } from "../../shared/runtime/secrets.ts";
import type { Work } from "../pipeline/entry.ts";
import type { FindQuery } from "./query.ts";

/** The deliveries in a subscriber's hands. */
export interface InHand {
  readonly work: () => Iterable<Work>;
  /** Buffered deliveries that no batch has taken yet. */
  readonly atHand: () => Iterable<Delivery>;
  /** Returns why the delivery's batch is held. */
  readonly problemOf: (delivery: Delivery) => string | undefined;
  readonly clock: Clock;
}

/** Times are ages, so that clocks of different machines are not compared. */
export interface HeldEvent {
  readonly message_id: string;
  readonly sent_id: string | null;
  readonly event: EventJson | null;
  /** Milliseconds since 1970, by the publisher's clock. */
  readonly published_ms: number | null;
  readonly doing: string;
  readonly problem: string | null;
  /** Duration of `doing`, in ms; `null` when it is not known. */
  readonly held_ms: number | null;
}

/** Maximum number of held events in an answer. */
export const mostHeld = 20;
const mostOfProblem = 500;
const longestId = 400;

/**
 * Answers a question.
 * @param question text of {@linkcode questionOf}
 * @returns a JSON array of {@linkcode HeldEvent}s; empty when the question is unreadable
 */
export function answerOf(question: string, inHand: InHand): string {
  const query = queryOf(question);
  return JSON.stringify(query ? find(query, inHand) : []);
}

export function questionOf(query: FindQuery): string {
  return JSON.stringify(query, (_, value) => typeof value === "bigint" ? `${value}n` : value);
}

function queryOf(question: string): FindQuery | undefined {
  try {
    const query = JSON.parse(question, (_, value) => /^-?\d{1,19}n$/.test(value) ? BigInt(value.slice(0, -1)) : value);
    const isPlayers = typeof query?.playerId === "bigint" && Number.isFinite(query.atMs) &&
      Number.isFinite(query.withinMs);
    return isPlayers || typeof query?.text === "string" ? query : undefined;
  } catch {
    return undefined;
  }
}

function find(query: FindQuery, { work, atHand, problemOf, clock }: InHand): HeldEvent[] {
  const found: HeldEvent[] = [];
  const add = (delivery: Delivery, doing: string, since: number | undefined) => {
    if (found.length >= mostHeld || !isMeant(delivery, query)) return;
    const { messageId, sentId } = delivery;
    const [event, problem] = [eventOf(delivery), problemOf(delivery)];
    found.push({
      message_id: messageId,
      sent_id: sentId?.slice(0, longestId) ?? null,
      event: event ? eventToJson(event) : null,
      published_ms: publishedAtMs({ ...delivery, messageId, timestampMs: delivery.timestampMs, headers: {} }) ?? null,
      doing,
      problem: problem === undefined ? null : printable(redact(problem), mostOfProblem),
      held_ms: since === undefined ? null : Math.round(clock.monotonic() - since),
    });
  };
  for (const { deliveries, doing, since } of work()) for (const delivery of deliveries) add(delivery, doing, since);
  for (const delivery of atHand()) add(delivery, "taken from the queue, behind other batches", undefined);
  return found;
}

function isMeant(delivery: Delivery, query: FindQuery): boolean {
  if ("text" in query) {
    const { text, messageId, eventId } = query;
    return delivery.messageId === messageId || delivery.sentId === text ||
      eventId !== undefined && eventOf(delivery)?.id === eventId;
  }
  const event = eventOf(delivery);
  return event !== undefined && isAround(event, query);
}

export function isAround(event: Event, { playerId, atMs, withinMs }: Exclude<FindQuery, { text: string }>): boolean {
  return event.playerId === playerId && Math.abs(msOfTimestamp(event.createdAt) - atMs) <= withinMs;
}

/** Returns the event in the body; `undefined` when the body holds no event. */
export function eventOf({ body }: Pick<Delivery, "body">): Event | undefined {
  try {
    const event = decodeEvent(body);
    return Array.isArray(event) ? undefined : event;
  } catch {
    return undefined;
  }
}
