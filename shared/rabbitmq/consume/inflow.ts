/**
 * What a consumer's connection may bring: prefetch bounds the number of messages, and a message may have 128 MiB. amqplib reads
 * whatever the socket has, and a body of that size three times over.
 */
import { Buffer } from "node:buffer";
import type { ChannelModel, ConsumeMessage } from "amqplib";

/** Longest body that is read. An event has a hundred bytes. */
export const mostBodyBytes = 1_048_576;
/** Most bytes in hand, of bodies, properties and letters; what comes on top of them stays in the socket, and so with the broker. */
export const mostBytesInHand = 33_554_432;
/** Longer bodies come in several frames: parts of what the socket brought, of which all would stay in memory. */
const gatheredFrom = 131_072;

/** Where the properties of a message whose body was not read say how long it is. */
const unread: unique symbol = Symbol("bytes that were not read");

interface Frame {
  readonly fields?: { [unread]?: number };
  /** Of a content header: how many bytes of body follow. */
  size?: number;
  /** Of a content frame. */
  readonly content?: Uint8Array;
  readonly channel?: number;
}

/** amqplib's connection, as far as it is used here (2.3.1, lib/connection.js). */
interface WireConnection {
  readonly stream: { emit(event: "readable"): void };
  /** Whether the broker is known to live, by the check of its heartbeats. */
  recvSinceLastCheck: boolean;
  recvFrame(): Frame | false;
}

export interface InflowLimits {
  /** Longest body that is read. */
  readonly mostBodyBytes: number;
  readonly mostBytesInHand: number;
}

export class Inflow {
  #bytes = 0;
  #largest: number;
  #isPaused = false;
  #large: Buffer | undefined;
  readonly #connection: WireConnection;

  constructor(
    { connection }: ChannelModel,
    private readonly limits: InflowLimits = { mostBodyBytes, mostBytesInHand },
  ) {
    this.#connection = connection as unknown as WireConnection;
    this.#largest = limits.mostBodyBytes;
    this.#readBounded();
    this.#outliveHeartbeats();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** So many messages can be in hand, none larger than those that came, and leave nothing in the socket. */
  get carefulPrefetch(): number {
    return Math.max(1, Math.floor(this.limits.mostBytesInHand / this.#largest));
  }

  /** A message is in hand. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (bytes > this.#largest) this.#largest = bytes;
  }

  /** A message is no longer in hand. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.#isPaused || this.#isFull) return;
    this.#isPaused = false;
    this.#connection.stream.emit("readable");
  }

  get #isFull(): boolean {
    return this.#bytes >= this.limits.mostBytesInHand;
  }

  #readBounded(): void {
    const connection = this.#connection;
    const receive = connection.recvFrame;
    /** Of the body that is not read. */
    let left = 0;
    let gathering: { readonly header: Frame; readonly body: Uint8Array; length: number } | undefined;
    // Calls itself when it had to read first: then the inner call has seen the frame.
    connection.recvFrame = () => {
      this.#isPaused = this.#isFull;
      if (this.#isPaused) return false;
      let frame = receive.call(connection);
      while (left > 0 && frame && frame.content) {
        left -= frame.content.length;
        frame = receive.call(connection);
      }
      while (gathering && frame && frame.content) {
        const { body, length } = gathering;
        body.set(frame.content, length);
        gathering.length += frame.content.length;
        if (gathering.length === body.length) {
          gathering = undefined;
          return { channel: frame.channel!, content: body };
        }
        frame = receive.call(connection);
      }
      if (frame && frame.fields && frame.size !== undefined && frame.size > this.limits.mostBodyBytes) {
        frame.fields[unread] = left = frame.size;
        // amqplib takes it for a message without a body.
        frame.size = 0;
      } else if (frame && frame.fields && (frame.size ?? 0) > gatheredFrom && gathering?.header !== frame) {
        gathering = { header: frame, body: this.#room(frame.size!), length: 0 };
      }
      return frame;
    };
  }

  /** Nothing is read beside a body that fills the hand: its bytes serve for the next, which V8 would be slow to collect. */
  #room(bytes: number): Uint8Array {
    const { mostBodyBytes, mostBytesInHand } = this.limits;
    if (bytes < mostBytesInHand) return Buffer.allocUnsafeSlow(bytes);
    this.#large ??= Buffer.allocUnsafeSlow(mostBodyBytes);
    return this.#large.subarray(0, bytes);
  }

  /** While nothing is read, heartbeats are not either: that is no sign of a broker that is gone. */
  #outliveHeartbeats(): void {
    let received = this.#connection.recvSinceLastCheck;
    Object.defineProperty(this.#connection, "recvSinceLastCheck", {
      configurable: true,
      get: () => received || this.#isPaused,
      set: (value: boolean) => received = value,
    });
  }
}

/** How long the body is that was not read; 0 for a message that is here whole. */
export function unreadBytesOf({ properties }: ConsumeMessage): number {
  return (properties as { [unread]?: number })[unread] ?? 0;
}
