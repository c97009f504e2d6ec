/**
 * amqplib makes about thirty objects per delivery: frames and views of them, the fields of two frames, seven strings.
 * Making and collecting them takes most of a subscriber's CPU, although nearly all fields of our publishers' messages
 * are constant.
 *
 * So this module only finds the offsets of plain deliveries that have arrived completely. Their fields are parsed on
 * access. amqplib handles every other delivery.
 *
 * No report: amqplib's interface promises those objects. Written against amqplib 2.3.1 (lib/connection.js,
 * `recvFrame()`).
 * Remove it when the client can return deliveries unparsed.
 *
 * shared/rabbitmq/consume/amqp_delivery_fuzz_test.ts compares this module with amqplib.
 */
import type { Buffer } from "node:buffer";
import type { Channel, ChannelModel } from "amqplib";

/** The parts of amqplib's connection and channel that this module uses. */
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

/** A plain delivery goes to one of these consumers and has only this type, a message id, an app id and a timestamp. */
export interface Plain {
  readonly consumerTags: readonly string[];
  readonly contentType: string;
  readonly type: string;
}

/** Header length and end byte of a frame: AMQP 0-9-1, sections 2.3.5 and 4.2.6. */
const [headerBytes, endByte] = [7, 0xce];
const [methodFrame, headerFrame, bodyFrame] = [1, 2, 3];
const basicDeliver = 60 << 16 | 60;
const basicClass = 60 << 16;
const flags = { contentType: 0x8000, headers: 0x2000, deliveryMode: 0x1000, messageId: 0x0080 };
const [timestampFlag, typeFlag, appIdFlag] = [0x0040, 0x0020, 0x0008];
const plainFlags = flags.contentType | flags.messageId | typeFlag;
const mayBeFlags = flags.headers | flags.deliveryMode | timestampFlag | appIdFlag;
/** Length of a UUID as text. */
const idBytes = 36;

/** One delivery as offsets into the socket buffer. The object is reused for the next delivery. */
export interface PlainDelivery {
  readonly bytes: Buffer;
  readonly tag: number;
  /** Offset of the exchange's name, a short string; the routing key follows. */
  readonly exchangeAt: number;
  readonly messageIdAt: number;
  /** 0: no timestamp. */
  readonly timestampAt: number;
  /** 0: no app id. */
  readonly appIdAt: number;
  readonly bodyAt: number;
  /** Offset of the body's end. */
  readonly end: number;
}

/** Calls `take` with each plain delivery on the channel. Other deliveries arrive through amqplib. Keeps the order. */
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
    // amqplib replaces `accept` when the connection or channel closes: then nothing may be delivered.
    if (connection.accept === accept && channel.accept === acceptOnChannel) {
      const { rest, maxFrameSize } = connection;
      let end = 0;
      while (parser.find(rest, end, maxFrameSize)) {
        take(parser);
        end = parser.end + 1;
      }
      if (end > 0) connection.rest = rest.subarray(end);
    }
    // amqplib calls this function again after it reads more from the socket.
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
  readonly #consumerTags: readonly Uint8Array[];
  readonly #contentType: Uint8Array;
  readonly #type: Uint8Array;

  constructor(private readonly channel: number, { consumerTags, contentType, type }: Plain) {
    this.#consumerTags = consumerTags.map(shortString);
    this.#contentType = shortString(contentType);
    this.#type = shortString(type);
  }

  /** Whether a complete plain delivery begins at `start`. Sets the offsets. */
  find(bytes: Buffer, start: number, maxFrameSize: number): boolean {
    const method = start + headerBytes;
    const methodEnd = this.#frame(bytes, start, methodFrame, maxFrameSize);
    if (methodEnd < 0 || uint32(bytes, method) !== basicDeliver) return false;
    const tagAt = this.#afterConsumerTag(bytes, method + 4);
    if (tagAt < 0) return false;
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
    // The body has several frames, or none.
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

  /** Returns the end of the consumer tag if it is one of ours, otherwise -1. */
  #afterConsumerTag(bytes: Buffer, start: number): number {
    for (let i = 0; i < this.#consumerTags.length; i++) {
      const tag = this.#consumerTags[i]!;
      if (isAt(bytes, start, tag)) return start + tag.length;
    }
    return -1;
  }

  /** Returns the payload's end if a complete frame of this type on this channel begins here, otherwise -1. */
  #frame(bytes: Buffer, start: number, type: number, maxFrameSize: number): number {
    if (start + headerBytes >= bytes.length || bytes[start] !== type) return -1;
    if ((bytes[start + 1]! << 8 | bytes[start + 2]!) !== this.channel) return -1;
    const size = uint32(bytes, start + 3);
    const end = start + headerBytes + size;
    if (end >= bytes.length || bytes[end] !== endByte || (maxFrameSize > 0 && size > maxFrameSize)) return -1;
    return end;
  }
}

/** Timestamps from this value on are not in seconds: message.ts. */
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

/** Whether the bytes are a UUID in lower case, but not one of the two that mean "no UUID". */
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

/** Encodes an AMQP short string: length byte, then text. */
function shortString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return Uint8Array.of(bytes.length, ...bytes);
}
