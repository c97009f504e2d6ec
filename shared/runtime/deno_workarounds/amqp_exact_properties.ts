/**
 * amqplib gives every number in a message's headers as a double: it rounds integers beyond 2^53, and loses their type, of
 * which AMQP has nine. That serves a reader, but not the next reader of a message that is passed on. So messages keep the
 * bytes of their properties, which shared/rabbitmq/origin/exact_headers.ts reads.
 *
 * Report: none known of reading (https://github.com/amqp-node/amqplib/issues/358 gave writers the types). Written against
 * amqplib 2.3.1 (lib/connection.js, `recvFrame()`).
 * Remove it when amqplib gives numbers with their types, or properties unread: tests/integration/exact_headers_test.ts.
 */
import type { Buffer } from "node:buffer";
import type { ChannelModel } from "amqplib";

/** Where a message's properties, as amqplib gives them, hold the bytes that they were read from. */
const wire: unique symbol = Symbol("properties on the wire");

/** Of AMQP 0-9-1: a frame's own header, then class, weight and body size of a content header. */
const [frameHeaderBytes, contentHeaderBytes] = [7, 12];
const basicProperties = 60;

/** Properties of a message, which may remember their bytes. */
export interface Remembering {
  headers?: Readonly<Record<string, unknown>> | undefined;
  timestamp?: number | undefined;
  [wire]?: Uint8Array;
}

interface Frame {
  readonly id?: number;
  readonly fields: Remembering;
}

/** amqplib's connection, as far as it is read here. */
interface WireConnection {
  rest: Buffer;
  recvFrame(): Frame | false;
}

/**
 * Lets the properties of each message that this connection brings remember their bytes, where amqplib's reading of them
 * may not say all: with headers, or with a timestamp that is no safe integer. Other messages cost a comparison.
 * @param which those of every message, for a reader that keeps the bytes
 */
export function rememberProperties({ connection }: ChannelModel, which: "telling" | "all" = "telling"): void {
  const inner = connection as unknown as WireConnection;
  const receive = inner.recvFrame;
  inner.recvFrame = function () {
    const before = this.rest;
    const frame = receive.call(this);
    // Calls itself when it had to read first: then the inner call has seen the whole frame.
    if (
      frame && frame.id === basicProperties && frame.fields[wire] === undefined &&
      (which === "all" || maySayMore(frame))
    ) {
      const end = frameHeaderBytes + before.readUInt32BE(3);
      frame.fields[wire] = before.subarray(frameHeaderBytes + contentHeaderBytes, end);
    }
    return frame;
  };
}

function maySayMore({ fields: { headers, timestamp } }: Frame): boolean {
  // Not worth it for the empty table that amqplib writes in every message.
  for (const _ in headers) return true;
  return timestamp !== undefined && !Number.isSafeInteger(timestamp);
}

/** `undefined` where they say no more than amqplib's reading, and in tests and simulations. */
export function rememberedBytes(properties: Readonly<Remembering>): Uint8Array | undefined {
  return properties[wire];
}

/** Lets properties that were read from these bytes remember them. */
export function withBytes<P extends object>(properties: P, bytes: Uint8Array): P {
  return { ...properties, [wire]: bytes };
}

/** Copies the bytes, for a message that may wait for long: they are a view of all that the socket brought with them. */
export function withOwnBytes<P extends Readonly<Remembering>>(properties: P): P {
  const bytes = properties[wire];
  return bytes ? { ...properties, [wire]: new Uint8Array(bytes) } : properties;
}
