/**
 * amqplib makes some thirty objects of each delivery: frames and views of them, the fields of two frames, seven strings. Most of
 * a subscriber's CPU goes to making and collecting them, and of a message as our publishers send it nearly all is known before.
 * So a delivery that is plain, and has come whole, is only found in the bytes here; the rest is read where somebody asks for
 * it. Every other delivery goes on to amqplib.
 *
 * No report: amqplib's interface promises those objects. Written against amqplib 2.3.1 (lib/connection.js, `recvFrame()`).
 * Remove it when the client can hand out a delivery unread. shared/rabbitmq/consume/amqp_delivery_fuzz_test.ts compares both readings.
 */
import type { Buffer } from "node:buffer";
import type { Channel, ChannelModel } from "amqplib";

/** amqplib's connection and channel, as far as they are used here. */
interface WireConnection {
  rest: Buffer;
  /** 0: no limit. */
  readonly maxFrameSize: number;
  readonly accept: unknown;
  recvFrame(): unknown;
}
interface WireChannel {
  readonly ch: number;
  readonly accept: unknown;
}

/** Which deliveries are plain: those to this consumer that have nothing else but a message id, an app id and a timestamp. */
export interface Plain {
  readonly consumerTag: string;
  readonly contentType: string;
  readonly type: string;
}

/** Of AMQP 0-9-1: what a frame begins with and ends with; sections 2.3.5 and 4.2.6. */
const [headerBytes, endByte] = [7, 0xce];
const [methodFrame, headerFrame, bodyFrame] = [1, 2, 3];
const basicDeliver = 60 << 16 | 60;
const basicClass = 60 << 16;
const flags = { contentType: 0x8000, headers: 0x2000, deliveryMode: 0x1000, messageId: 0x0080 };
const [timestampFlag, typeFlag, appIdFlag] = [0x0040, 0x0020, 0x0008];
const plainFlags = flags.contentType | flags.messageId | typeFlag;
const mayBeFlags = flags.headers | flags.deliveryMode | timestampFlag | appIdFlag;
/** Of a UUID as text. */
const idBytes = 36;

/** One delivery, as places in the bytes that the socket brought. The object is used again for the next one. */
export interface PlainDelivery {
  readonly bytes: Buffer;
  readonly tag: number;
  /** Where the exchange's name begins, a short string; the routing key follows. */
  readonly exchangeAt: number;
  readonly messageIdAt: number;
  /** 0: it has none. */
  readonly timestampAt: number;
  /** 0: it has none. */
  readonly appIdAt: number;
  readonly bodyAt: number;
  /** Where it ends. */
  readonly end: number;
}

/** Gives `take` each plain delivery on the channel. All others arrive as before, and all in their order. */
export function readPlainDeliveries(
  model: ChannelModel,
  consumerChannel: Channel,
  plain: Plain,
  take: (delivery: PlainDelivery) => void,
): void {
  const connection = model.connection as unknown as WireConnection;
  const channel = consumerChannel as unknown as WireChannel;
  const parser = new Parser(channel.ch, plain);
  const [receive, accept, acceptOnChannel] = [connection.recvFrame, connection.accept, channel.accept];
  connection.recvFrame = () => {
    // Either is replaced when it closes: then nothing is delivered any more.
    if (connection.accept === accept && channel.accept === acceptOnChannel) {
      const { rest, maxFrameSize } = connection;
      let end = 0;
      while (parser.find(rest, end, maxFrameSize)) {
        take(parser);
        end = parser.end + 1;
      }
      if (end > 0) connection.rest = rest.subarray(end);
    }
    // Calls this again when more has come.
    return receive.call(connection);
  };
}

class Parser implements PlainDelivery {
  bytes!: Buffer;
  tag = 0;
  exchangeAt = 0;
  messageIdAt = 0;
  timestampAt = 0;
  appIdAt = 0;
  bodyAt = 0;
  end = 0;
  readonly #consumerTag: Uint8Array;
  readonly #contentType: Uint8Array;
  readonly #type: Uint8Array;

  constructor(private readonly channel: number, { consumerTag, contentType, type }: Plain) {
    this.#consumerTag = shortString(consumerTag);
    this.#contentType = shortString(contentType);
    this.#type = shortString(type);
  }

  /** Whether a delivery begins at `start` that is plain and has come whole. */
  find(bytes: Buffer, start: number, maxFrameSize: number): boolean {
    const method = start + headerBytes;
    const methodEnd = this.#frame(bytes, start, methodFrame, maxFrameSize);
    if (methodEnd < 0 || uint32(bytes, method) !== basicDeliver) return false;
    if (!isAt(bytes, method + 4, this.#consumerTag)) return false;
    const tagAt = method + 4 + this.#consumerTag.length;
    const exchangeAt = tagAt + 9;
    const routingKeyAt = exchangeAt + 1 + bytes[exchangeAt]!;
    if (routingKeyAt + 1 + bytes[routingKeyAt]! !== methodEnd) return false;

    const header = methodEnd + 1 + headerBytes;
    const headerEnd = this.#frame(bytes, methodEnd + 1, headerFrame, maxFrameSize);
    if (headerEnd < 0 || uint32(bytes, header) !== basicClass || uint32(bytes, header + 4) !== 0) return false;
    const bodyBytes = uint32(bytes, header + 8);
    const present = bytes[header + 12]! << 8 | bytes[header + 13]!;
    if ((present & plainFlags) !== plainFlags || (present & ~mayBeFlags) !== plainFlags) return false;

    let at = header + 14;
    if (!isAt(bytes, at, this.#contentType)) return false;
    at += this.#contentType.length;
    if (present & flags.headers) {
      if (uint32(bytes, at) !== 0) return false;
      at += 4;
    }
    if (present & flags.deliveryMode) at++;
    const messageIdAt = at + 1;
    if (bytes[at] !== idBytes || !isMessageId(bytes, messageIdAt)) return false;
    at = messageIdAt + idBytes;
    let timestampAt = 0;
    if (present & timestampFlag) {
      timestampAt = at;
      if (uint64(bytes, at) >= firstMs) return false;
      at += 8;
    }
    if (!isAt(bytes, at, this.#type)) return false;
    at += this.#type.length;
    let appIdAt = 0;
    if (present & appIdFlag) {
      appIdAt = at;
      at += 1 + bytes[at]!;
    }
    if (at !== headerEnd) return false;

    const bodyAt = headerEnd + 1 + headerBytes;
    const bodyEnd = this.#frame(bytes, headerEnd + 1, bodyFrame, maxFrameSize);
    // In several frames, or none.
    if (bodyEnd < 0 || bodyEnd - bodyAt !== bodyBytes) return false;
    this.bytes = bytes;
    this.tag = uint64(bytes, tagAt);
    this.exchangeAt = exchangeAt;
    this.messageIdAt = messageIdAt;
    this.timestampAt = timestampAt;
    this.appIdAt = appIdAt;
    this.bodyAt = bodyAt;
    this.end = bodyEnd;
    return true;
  }

  /** Where the payload ends of a frame of this type on this channel, if it is whole; else -1. */
  #frame(bytes: Buffer, start: number, type: number, maxFrameSize: number): number {
    if (start + headerBytes >= bytes.length || bytes[start] !== type) return -1;
    if ((bytes[start + 1]! << 8 | bytes[start + 2]!) !== this.channel) return -1;
    const size = uint32(bytes, start + 3);
    const end = start + headerBytes + size;
    if (end >= bytes.length || bytes[end] !== endByte || (maxFrameSize > 0 && size > maxFrameSize)) return -1;
    return end;
  }
}

/** From here on a timestamp is not in seconds: message.ts. */
const firstMs = 1e11;

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

function uint64(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) * 2 ** 32 + uint32(bytes, at + 4);
}

function isAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** Whether it is a UUID in lower case, and none of the two that stand for "no UUID". */
function isMessageId(bytes: Uint8Array, at: number): boolean {
  let [isNil, isMax] = [true, true];
  for (let i = 0; i < idBytes; i++) {
    const code = bytes[at + i]!;
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== 0x2d) return false;
      continue;
    }
    if (!(code >= 0x30 && code <= 0x39 || code >= 0x61 && code <= 0x66)) return false;
    if (code !== 0x30) isNil = false;
    if (code !== 0x66) isMax = false;
  }
  return !isNil && !isMax;
}

/** With its length before it. */
function shortString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return Uint8Array.of(bytes.length, ...bytes);
}
