/** What every message of ours looks like on the wire. */
import type { Options } from "amqplib";

export type Headers = Readonly<Record<string, unknown>>;

export interface OutgoingMessage {
  readonly exchange: string;
  /** What an exchange that shares messages out among queues goes by; ours give each to all of theirs. */
  readonly routingKey?: string;
  /** A UUID that stays with the event through redelivery, dead lettering and replay: the idempotency key. */
  readonly messageId: string;
  readonly body: Uint8Array;
  /** With tracing on, a W3C `traceparent` is among them, and stays with the event as its id does. */
  readonly headers?: Headers;
  /** Milliseconds since 1970; AMQP keeps seconds. */
  readonly timestampMs: number;
  /** The member that published it first. */
  readonly appId: string;
  /** Of one that came from elsewhere and is passed on: in place of what messages of ours have, time and publisher among it. */
  readonly properties?: KeptProperties | undefined;
  /** Sent with nothing else on its way, for the broker may close the channel over it: its headers may not fit a frame. */
  readonly alone?: boolean;
}

/** What a message that is passed on still is to its reader. */
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
 * Milliseconds since 1970 of AMQP's seconds. Anybody may send any 64 bits, and publishers are known to send milliseconds:
 * what would be a second after the year 5138 is a millisecond after 1973; `undefined` for what would be neither.
 */
export function timestampMsOf(seconds: unknown): number | undefined {
  if (typeof seconds !== "number") return undefined;
  const ms = seconds < firstMs ? seconds * 1000 : seconds;
  return ms >= 0 && ms <= lastMs ? ms : undefined;
}

const [firstMs, lastMs] = [1e11, 1e14];

/** Without what the broker notes in them for itself: published again, it would be taken for the new message's history. */
export function withoutBrokerHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !brokerHeader.test(name)));
}

const brokerHeader = /^x-(death|first-death-.*|last-death-.*|delivery-count|acquired-count|opt-.*)$/;

/** How often a dead letter was replayed; counted by `deno task dead replay`. */
export const replaysHeader = "dead-replays";

/** How far a message id's time may be from the message's own, which is in whole seconds, to count as the same. */
const sameMs = 2_000;

/**
 * When a message was published, in milliseconds since 1970: to the millisecond if its id is a UUIDv7 (RFC 9562) of that time,
 * else to the second. `undefined` if its publisher did not say, and for a replayed dead letter: its age is not our latency.
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
