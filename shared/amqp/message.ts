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
}

export const messageType = "casino.events.v1.Event";
export const contentType = "application/x-protobuf";

export function publishOptions({ messageId, headers, timestampMs, appId }: OutgoingMessage): Options.Publish {
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
 * Milliseconds since 1970 of AMQP's seconds. Anybody may send any 64 bits: `undefined` for a time that no calendar has.
 */
export function timestampMsOf(seconds: unknown): number | undefined {
  const ms = typeof seconds === "number" ? seconds * 1000 : NaN;
  return Math.abs(ms) <= lastMs ? ms : undefined;
}

/** ECMAScript's last time value; a Date beyond is invalid. */
const lastMs = 8.64e15;

/** Without what the broker notes in them for itself: published again, it would be taken for the new message's history. */
export function withoutBrokerHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !brokerHeader.test(name)));
}

const brokerHeader = /^x-(death|first-death-.*|last-death-.*|delivery-count|acquired-count|opt-.*)$/;
