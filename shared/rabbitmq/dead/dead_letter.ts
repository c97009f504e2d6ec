/** Parses a dead letter: our headers or the broker's, and the event in its body. */
import type { Message } from "amqplib";
import { causeOf } from "./cause.ts";
import { deadHeaders } from "../publish/dead_letters.ts";
import { mostBodyBytes } from "../consume/inflow.ts";
import type { Delivery } from "../delivery.ts";
import { type Headers, replaysHeader, timestampMsOf } from "../message.ts";
import { messageIdOf, sentIdOf } from "../message_id.ts";
import type { Origin } from "../origin/origin.ts";
import { decodeEvent, UndecodableError } from "../../event/protobuf.ts";
import { describeFaults, type Event } from "../../event/event.ts";
import { type EventJson, eventToJson, jsonInteger } from "../../event/json.ts";
import { cutTo, mostShown } from "../../runtime/printable.ts";

export interface DeadLetter {
  readonly messageId: string;
  /** The id as its publisher sent it, if it differs from `messageId`. */
  readonly sentId?: string | undefined;
  /** How the message arrived, and how a replay publishes it. */
  readonly origin?: Origin | undefined;
  /** A reason of shared/rabbitmq/outcome.ts, or of the broker: `delivery-limit`, `expired`, `rejected`, `maxlen`. */
  readonly reason: string;
  readonly detail: string;
  /** Whether RabbitMQ itself dead-lettered it last. */
  readonly byBroker: boolean;
  readonly subscriber: string | undefined;
  /** RFC 3339. */
  readonly firstFailedAt: string | undefined;
  readonly lastFailedAt: string | undefined;
  readonly attempts: number;
  readonly replays: number;
  readonly headers: Headers;
  /** May be only the beginning of the body if it was read from a table. */
  readonly body: Uint8Array;
  /** The length of the whole body. */
  readonly bodyBytes: number;
  readonly appId: string | undefined;
  /** Milliseconds since 1970. */
  readonly timestampMs: number | undefined;
  readonly event: Event | undefined;
  /** Why the body is not a valid event. */
  readonly bodyProblem: string | undefined;
  /** Set where letters are kept after they are replayed or dropped. */
  readonly fate?: Fate;
  /** The last edit, which a replay publishes instead of the body. */
  readonly edit?: LetterEdit | undefined;
}

export interface LetterEdit {
  readonly body: Uint8Array;
  readonly event: Event;
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
}

/** An edit of a letter, with the letter's number in its store. */
export interface NumberedEdit extends LetterEdit {
  readonly letter: bigint;
}

/** `replayed`: published again, but its event is not known to be stored; `resolved`: its event is stored. */
export const statuses = ["dead", "replayed", "dropped", "resolved"] as const;
export type Status = typeof statuses[number];

/** A letter's status and history. */
export interface Fate {
  readonly status: Status;
  /** The letter's number in its store. */
  readonly id: bigint;
  /** The letter whose replay died as this one. */
  readonly previous: bigint | undefined;
  /** The operator who last replayed, dropped or restored it; and when, RFC 3339. */
  readonly actedBy: string | undefined;
  readonly actedAt: string | undefined;
  /** The subscriber that stored its event, and when. */
  readonly storedBy: string | undefined;
  readonly storedAt: string | undefined;
  /** The number of edits; a replay publishes the last one. */
  readonly edits: number;
  /** Whether a replay is publishing it or may have published it. */
  readonly claimed: boolean;
}

/** Known facts about a letter whose body may be only partly loaded. */
export interface Whole {
  readonly messageId: string;
  readonly bodyBytes: number;
}

/** Parses a message of the queue. Its properties are untrusted. */
export function understand(
  { fields, properties, content }: Pick<Message, "properties" | "content"> & {
    readonly fields: Pick<Message["fields"], "exchange" | "routingKey">;
  },
  whole?: Whole,
): DeadLetter {
  const messageId = whole?.messageId ?? messageIdOf(properties.messageId, content);
  const headers = properties.headers ?? {};
  const delivery = {
    messageId,
    sentId: sentIdOf(properties.messageId, messageId, headers),
    origin: { exchange: fields?.exchange, routingKey: fields?.routingKey, properties },
    body: content,
    headers,
    appId: textOf(properties.appId),
    timestampMs: timestampMsOf(properties.timestamp),
  };
  return letterOf(delivery, whole?.bodyBytes);
}

/** @param bodyBytes the length of the whole body, if `body` is only its beginning */
export function letterOf({ headers, body, ...known }: Delivery, bodyBytes = body.length): DeadLetter {
  const [event, bodyProblem] = decodeBody(body, bodyBytes);
  return {
    ...known,
    ...(brokerWasLast(headers) ? byTheBroker(headers) : byUs(headers)),
    replays: countOf(headers[replaysHeader]),
    headers,
    body,
    bodyBytes,
    event,
    bodyProblem,
  };
}

/** Bytes of the body of a letter shown alone: more than any event has, and little enough for memory. */
export const mostBodyShown = 1_048_576;
/** Bytes of the body of each letter in a list: bodies may have any size, and a list has many. */
export const mostBodyListed = 4_096;

/**
 * Returns a letter with the keys of `--json`.
 * @param most bytes of the body to include, from its start
 */
export function deadLetterToJson(letter: DeadLetter, most = mostBodyShown) {
  const { messageId, reason, detail, subscriber, firstFailedAt, lastFailedAt, attempts, replays, event } = letter;
  const { bodyProblem, fate, edit } = letter;
  return {
    message_id: messageId,
    sent_id: letter.sentId ?? null,
    reason,
    detail,
    group: causeOf(letter).group,
    subscriber: subscriber ?? null,
    first_failed_at: firstFailedAt ?? null,
    last_failed_at: lastFailedAt ?? null,
    attempts,
    replays,
    status: fate?.status ?? "dead",
    number: fate ? jsonInteger(fate.id) : null,
    previous: fate?.previous === undefined ? null : jsonInteger(fate.previous),
    acted_by: fate?.actedBy ?? null,
    acted_at: fate?.actedAt ?? null,
    stored_by: fate?.storedBy ?? null,
    stored_at: fate?.storedAt ?? null,
    edits: fate?.edits ?? 0,
    edited: edit ? { by: edit.by, at: edit.at, event: shownEvent(edit.event) } : null,
    event: event ? shownEvent(event) : null,
    body_problem: bodyProblem ?? null,
    body_base64: letter.body.subarray(0, most).toBase64(),
    body_bytes: letter.bodyBytes,
  };
}

/** Returns the event as JSON with a shortened currency, its only text of unbounded length. */
export function shownEvent(event: Event): EventJson {
  const json = eventToJson(event);
  return { ...json, ...(json.currency !== undefined && { currency: cutTo(json.currency, mostCurrencyShown) }) };
}

const mostCurrencyShown = 200;

type Failure = Pick<
  DeadLetter,
  "reason" | "detail" | "byBroker" | "subscriber" | "firstFailedAt" | "lastFailedAt" | "attempts"
>;

/**
 * A replay keeps our headers, so a message that the broker dead-letters after a replay has both kinds. The later
 * failure decides; the broker's times have whole seconds.
 */
function brokerWasLast(headers: Headers): boolean {
  if (!(deadHeaders.reason in headers)) return true;
  const diedMs = timestampMsOf(lastDeath(headers)?.time?.value);
  const failedMs = Date.parse(textOf(headers[deadHeaders.lastFailedAt]) ?? "");
  return diedMs !== undefined && !(diedMs < Math.floor(failedMs / 1_000) * 1_000);
}

function byUs(headers: Headers): Failure {
  return {
    reason: textOf(headers[deadHeaders.reason]) ?? "unknown",
    detail: textOf(headers[deadHeaders.detail]) ?? "",
    byBroker: false,
    subscriber: textOf(headers[deadHeaders.subscriber]),
    firstFailedAt: textOf(headers[deadHeaders.firstFailedAt]),
    lastFailedAt: textOf(headers[deadHeaders.lastFailedAt]),
    attempts: countOf(headers[deadHeaders.attempts]),
  };
}

/** Reads RabbitMQ's own dead letter headers: rabbitmq.com, "Dead Letter Exchanges", "Effects on Messages". */
function byTheBroker(headers: Headers): Failure {
  const death = lastDeath(headers);
  const reason = textOf(death?.reason) ?? textOf(headers["x-first-death-reason"]) ?? "unknown";
  const timeMs = timestampMsOf(death?.time?.value);
  const time = timeMs === undefined ? undefined : new Date(timeMs).toISOString();
  return {
    reason: reason.replaceAll("_", "-"),
    detail: reason === "delivery_limit"
      ? "delivered as often as the queue's delivery limit allows, and never settled"
      : reason === "expired" || reason === "maxlen"
      ? "removed from its queue by a policy of the broker, and never processed"
      : "dead-lettered by the broker",
    byBroker: true,
    subscriber: undefined,
    firstFailedAt: textOf(headers[deadHeaders.firstFailedAt]) ?? time,
    lastFailedAt: time,
    attempts: countOf(headers[deadHeaders.attempts]) + countOf(death?.count),
  };
}

/** An `x-death` entry as amqplib returns it. Untrusted. */
interface Death {
  readonly reason?: unknown;
  readonly count?: unknown;
  readonly time?: { readonly value?: unknown } | null;
}

/** The first entry is the newest. The oldest would be an expiry for a message that was in a delay queue. */
function lastDeath(headers: Headers): Death | undefined {
  const [death] = Array.isArray(headers["x-death"]) ? headers["x-death"] : [];
  return typeof death === "object" && death !== null ? death : undefined;
}

function decodeBody(body: Uint8Array, bodyBytes: number): [Event | undefined, string | undefined] {
  if (bodyBytes > mostBodyBytes) {
    return [undefined, `the body of ${bodyBytes} bytes is not an event; the limit is ${mostBodyBytes} bytes`];
  }
  if (bodyBytes > body.length) {
    return [
      undefined,
      `the body has ${bodyBytes} bytes, and only ${body.length} are read here: show this letter alone to decode it`,
    ];
  }
  try {
    const event = decodeEvent(body);
    return Array.isArray(event) ? [undefined, describeFaults(event)] : [event, undefined];
  } catch (error) {
    if (error instanceof UndecodableError) return [undefined, error.message];
    throw error;
  }
}

/** Shortens text: it is untrusted and for display. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? cutTo(value, mostShown) : undefined;
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
