/**
 * How a message came, for the message that passes it on: to the dead letter queue, and back by a replay.
 * Properties that the next queue would act on, or overwrite, are kept in headers of ours until then.
 */
import type { MessageProperties } from "amqplib";
import { type Exact, exactPropertiesOf } from "./exact_headers.ts";
import { contentType, type Headers, type KeptProperties, messageType, withoutBrokerHeaders } from "../message.ts";

/** Where a message was published to, and all its properties as the client gives them. */
export interface Origin {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: MessageProperties;
}

/** Headers of a message that was passed on. What is there already is from the first time, and stays. */
export const originHeaders = {
  exchange: "original-exchange",
  routingKey: "original-routing-key",
  /** As it was sent, where it is not how the message's own id is written. */
  messageId: "original-message-id",
  /** A letter does not expire. */
  expiration: "original-expiration",
  /** The broker lets nobody publish under another's name. */
  userId: "original-user-id",
  /** Where it is beyond what the client can write. */
  timestamp: "original-timestamp",
} as const;

/** What a plain message says (amqp_plain_deliveries.ts), as a delivery has it. */
interface Plain {
  readonly messageId: string;
  readonly headers: Headers;
  readonly appId: string | undefined;
  readonly timestampMs: number | undefined;
}

/** Its properties, as the client would give them. */
export function plainProperties({ messageId, headers, appId, timestampMs }: Plain): MessageProperties {
  return {
    ...{ contentType, type: messageType, messageId, appId, headers },
    timestamp: timestampMs === undefined ? undefined : timestampMs / 1000,
    ...{ contentEncoding: undefined, deliveryMode: undefined, priority: undefined, correlationId: undefined },
    ...{ replyTo: undefined, expiration: undefined, userId: undefined, clusterId: undefined },
  };
}

/** All but what {@linkcode headersToKeep} keeps in headers of ours. */
export function propertiesToKeep({ properties }: Origin): KeptProperties {
  const { contentType, contentEncoding, priority, correlationId, replyTo, type, timestamp, appId } = properties;
  const kept = { contentType, contentEncoding, priority, correlationId, replyTo, type, appId };
  return { ...kept, timestamp: Number.isSafeInteger(timestamp) ? timestamp : undefined };
}

/**
 * The headers that came with a message, exact, without what the broker noted in them for itself, and {@linkcode originHeaders}.
 * @param came the headers as the client gives them, which stand for the message's own where it has no origin
 */
export function headersToKeep(came: Headers, origin: Origin | undefined, sentId: string | undefined): Headers {
  const exact = exactOf({ headers: came, origin });
  const headers: Record<string, unknown> = { ...withoutBrokerHeaders(exact.headers) };
  for (const [header, value] of Object.entries(ofOrigin(origin, sentId, exact.timestamp))) {
    if (value !== undefined && !(header in headers)) headers[header] = value;
  }
  return headers;
}

/** What a message brought, exact where that is known. */
export function exactOf({ headers, origin }: { headers: Headers; origin?: Origin | undefined }): Exact {
  return origin ? exactPropertiesOf(origin.properties) : { headers };
}

/** {@linkcode originHeaders} of a message whose own headers are not kept. */
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

/** What a replay gives back to the message: where it was published to, and when it expires there. */
export function restored(headers: Headers): { routingKey?: string; expiration?: string } {
  const [death] = Array.isArray(headers["x-death"]) ? headers["x-death"] : [];
  const exchange = headers[originHeaders.exchange] ?? death?.exchange;
  const routingKey = headers[originHeaders.routingKey] ?? death?.["routing-keys"]?.[0];
  const expiration = headers[originHeaders.expiration];
  return {
    // Without an exchange it was the name of the queue, and says nothing of the event.
    ...(typeof routingKey === "string" && exchange !== "" && { routingKey }),
    ...(typeof expiration === "string" && { expiration }),
  };
}
