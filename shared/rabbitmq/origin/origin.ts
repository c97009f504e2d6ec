/**
 * Preserves how a message arrived while it is forwarded: to the dead letter queue, and back by a replay. Our headers
 * keep the properties that the next queue would act on or overwrite.
 */
import type { MessageProperties } from "amqplib";
import { type Exact, exactPropertiesOf } from "./exact_headers.ts";
import { contentType, type Headers, type KeptProperties, messageType, withoutBrokerHeaders } from "../message.ts";

/** Where a message was published, and all its properties as the client returns them. */
export interface Origin {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: MessageProperties;
}

/** Headers of a forwarded message. Existing values come from the first forwarding and are kept. */
export const originHeaders = {
  exchange: "original-exchange",
  routingKey: "original-routing-key",
  /** The id as it was sent, if it differs from the message's id. */
  messageId: "original-message-id",
  /** Kept in a header, because dead letters must not expire. */
  expiration: "original-expiration",
  /** Kept in a header, because the broker rejects another user's id. */
  userId: "original-user-id",
  /** Kept in a header if the client cannot write it. */
  timestamp: "original-timestamp",
} as const;

/** The fields of a plain message (amqp_plain_deliveries.ts). */
interface Plain {
  readonly messageId: string;
  readonly headers: Headers;
  readonly appId: string | undefined;
  readonly timestampMs: number | undefined;
}

/** Returns a plain message's properties as the client would. */
export function plainProperties({ messageId, headers, appId, timestampMs }: Plain): MessageProperties {
  return {
    ...{ contentType, type: messageType, messageId, appId, headers },
    timestamp: timestampMs === undefined ? undefined : timestampMs / 1000,
    ...{ contentEncoding: undefined, deliveryMode: undefined, priority: undefined, correlationId: undefined },
    ...{ replyTo: undefined, expiration: undefined, userId: undefined, clusterId: undefined },
  };
}

/** Returns all properties except those that {@linkcode headersToKeep} keeps in our headers. */
export function propertiesToKeep({ properties }: Origin): KeptProperties {
  const { contentType, contentEncoding, priority, correlationId, replyTo, type, timestamp, appId } = properties;
  const kept = { contentType, contentEncoding, priority, correlationId, replyTo, type, appId };
  return { ...kept, timestamp: Number.isSafeInteger(timestamp) ? timestamp : undefined };
}

/**
 * Returns a message's exact headers, without the broker's own, and {@linkcode originHeaders}.
 * @param came the headers as the client returns them, used if the message has no origin
 */
export function headersToKeep(came: Headers, origin: Origin | undefined, sentId: string | undefined): Headers {
  const exact = exactOf({ headers: came, origin });
  const headers: Record<string, unknown> = { ...withoutBrokerHeaders(exact.headers) };
  for (const [header, value] of Object.entries(ofOrigin(origin, sentId, exact.timestamp))) {
    if (value !== undefined && !(header in headers)) headers[header] = value;
  }
  return headers;
}

/** Returns a message's headers and timestamp, exact if the message has an origin. */
export function exactOf({ headers, origin }: { headers: Headers; origin?: Origin | undefined }): Exact {
  return origin ? exactPropertiesOf(origin.properties) : { headers };
}

/** Returns {@linkcode originHeaders} only. */
export function ofOrigin(origin: Origin | undefined, sentId: string | undefined, timestamp?: bigint): Headers {
  return {
    [originHeaders.exchange]: origin?.exchange,
    [originHeaders.routingKey]: origin?.routingKey,
    [originHeaders.messageId]: sentId,
    [originHeaders.expiration]: origin?.properties.expiration,
    [originHeaders.userId]: origin?.properties.userId,
    [originHeaders.timestamp]: timestamp === undefined ? undefined : { "!": "timestamp", value: timestamp },
  };
}

/** Returns the routing key and expiration that a replay restores, and the exchange that the message came through. */
export function restored(headers: Headers): { exchange?: unknown; routingKey?: string; expiration?: string } {
  const [death] = Array.isArray(headers["x-death"]) ? headers["x-death"] : [];
  const exchange = headers[originHeaders.exchange] ?? death?.exchange;
  const routingKey = headers[originHeaders.routingKey] ?? death?.["routing-keys"]?.[0];
  const expiration = headers[originHeaders.expiration];
  return {
    exchange,
    // With the default exchange the routing key was the queue's name and does not belong to the event.
    ...(typeof routingKey === "string" && exchange !== "" && { routingKey }),
    ...(typeof expiration === "string" && { expiration }),
  };
}
