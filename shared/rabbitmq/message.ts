/** The wire format of our messages. */
import type { Options } from "amqplib";

export type Headers = Readonly<Record<string, unknown>>;

export interface OutgoingMessage {
  readonly exchange: string;
  /** For exchanges that distribute messages among queues. Our exchanges deliver each message to all their queues. */
  readonly routingKey?: string;
  /** The idempotency key: a UUID that survives redelivery, dead lettering and replay. */
  readonly messageId: string;
  readonly body: Uint8Array;
  /** With tracing on, they include a W3C `traceparent`, which survives as long as the id. */
  readonly headers?: Headers;
  /** Milliseconds since 1970; AMQP keeps seconds. */
  readonly timestampMs: number;
  /** The member that first published it. */
  readonly appId: string;
  /** Properties of a forwarded message. They replace our own properties, including time and publisher. */
  readonly properties?: KeptProperties | undefined;
  /** Sent with no other message in flight: its headers may not fit a frame, and then the broker closes the channel. */
  readonly alone?: boolean;
}

/** The properties that a forwarded message keeps. */
export type KeptProperties = Pick<
  Options.Publish,
  | "contentType"
  | "contentEncoding"
  | "priority"
  | "correlationId"
  | "replyTo"
  | "expiration"
  | "type"
  | "timestamp"
  | "appId"
>;

export const messageType = "casino.events.v1.Event";
export const contentType = "application/x-protobuf";

export function publishOptions(
  { messageId, headers, timestampMs, appId, properties }: OutgoingMessage,
): Options.Publish {
  if (properties) return { persistent: true, mandatory: true, messageId, headers, ...properties };
  return {
    persistent: true,
    mandatory: true,
    messageId,
    type: messageType,
    contentType,
    timestamp: Math.floor(timestampMs / 1000),
    appId,
    headers,
  };
}

/**
 * Converts an AMQP timestamp to milliseconds since 1970. Timestamps are untrusted 64-bit values in seconds, but some
 * publishers send milliseconds: a value that as seconds lies after the year 5138 counts as milliseconds, which then lie
 * after 1973. Returns `undefined` for a value that is neither.
 */
export function timestampMsOf(seconds: unknown): number | undefined {
  if (typeof seconds !== "number") return undefined;
  const ms = seconds < firstMs ? seconds * 1000 : seconds;
  return ms >= 0 && ms <= lastMs ? ms : undefined;
}

const [firstMs, lastMs] = [1e11, 1e14];

/** Removes the broker's own headers: in a republished message, they would count as the new message's history. */
export function withoutBrokerHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !brokerHeader.test(name)));
}

const brokerHeader = /^x-(death|first-death-.*|last-death-.*|delivery-count|acquired-count|opt-.*)$/;

/** Counts the replays of a dead letter. */
export const replaysHeader = "dead-replays";

/** Times of message id and message that differ by up to this count as equal. Messages have whole seconds. */
const sameMs = 2_000;

/**
 * Returns when a message was published, in milliseconds since 1970: exact to the millisecond if its id is a UUIDv7 (RFC
 * 9562) of the same time, otherwise to the second. Returns `undefined` if the message has no time, and for a replayed
 * dead letter, whose age is not our latency.
 */
export function publishedAtMs(
  { messageId, timestampMs, headers }: {
    readonly messageId: string;
    readonly timestampMs: number | undefined;
    readonly headers: Headers;
  },
): number | undefined {
  if (timestampMs === undefined || replaysHeader in headers) return undefined;
  if (messageId[14] !== "7") return timestampMs;
  const idMs = parseInt(messageId.slice(0, 8) + messageId.slice(9, 13), 16);
  return Math.abs(idMs - timestampMs) < sameMs ? idMs : timestampMs;
}
