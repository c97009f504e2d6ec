/**
 * amqplib reads every number in a message's headers as a double. It rounds integers beyond 2^53, and loses the type, of
 * which AMQP has nine. A forwarded message would therefore have other headers. So messages keep the wire bytes of their
 * properties, which shared/rabbitmq/origin/exact_headers.ts reads.
 *
 * Report: none known of reading (https://github.com/amqp-node/amqplib/issues/358 gave writers the types). Written
 * against amqplib 2.3.1 (lib/connection.js, `recvFrame()`).
 * Remove it when amqplib returns numbers with their types, or unparsed properties:
 * tests/integration/exact_headers_test.ts.
 */
import type { Buffer } from "node:buffer";
import type { ChannelModel } from "amqplib";

/** Key of the wire bytes in amqplib's properties of a message. */
const wire: unique symbol = Symbol("properties on the wire");

/** AMQP 0-9-1: length of a frame's header, and of a content header's class, weight and body size. */
const [frameHeaderBytes, contentHeaderBytes] = [7, 12];
const basicProperties = 60;

/** A message's properties, which may have their wire bytes. */
export interface Remembering {
  headers?: Readonly<Record<string, unknown>> | undefined;
  timestamp?: number | undefined;
  [wire]?: Uint8Array;
}

interface Frame {
  readonly id?: number;
  readonly fields: Remembering;
}

/** The parts of amqplib's connection that this module uses. */
interface WireConnection {
  rest: Buffer;
  recvFrame(): Frame | false;
}

/**
 * Makes this connection's messages keep the wire bytes of their properties if amqplib may lose information: if there
 * are headers, or a timestamp that is not a safe integer. Other messages cost only a comparison.
 * @param which `all`: every message keeps its bytes, for readers that store them
 */
export function rememberProperties({ connection }: ChannelModel, which: "telling" | "all" = "telling"): void {
  const inner = connection as unknown as WireConnection;
  const receive = inner.recvFrame;
  inner.recvFrame = function () {
    const before = this.rest;
    const frame = receive.call(this);
    // amqplib's recvFrame calls itself after it reads the socket: then the inner call has already handled the frame.
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
  // Ignores an empty table, which amqplib writes in every message.
  for (const _ in headers) return true;
  return timestamp !== undefined && !Number.isSafeInteger(timestamp);
}

/** Returns the wire bytes; `undefined` if amqplib lost no information, and in tests and simulation. */
export function rememberedBytes(properties: Readonly<Remembering>): Uint8Array | undefined {
  return properties[wire];
}

/** Returns the properties with the wire bytes that they were read from. */
export function withBytes<P extends object>(properties: P, bytes: Uint8Array): P {
  return { ...properties, [wire]: bytes };
}

/** Copies the bytes for a message that may wait for long: they are a view of a whole socket buffer. */
export function withOwnBytes<P extends Readonly<Remembering>>(properties: P): P {
  const bytes = properties[wire];
  return bytes ? { ...properties, [wire]: new Uint8Array(bytes) } : properties;
}
