/**
 * Bounds the bytes that a consumer's connection reads. Prefetch bounds only the number of messages, and a message may
 * have 128 MiB. amqplib reads everything that the socket has, and holds a large body three times.
 */
import { Buffer } from "node:buffer";
import type { ChannelModel, ConsumeMessage } from "amqplib";

/** Maximum body size in bytes. An event has about a hundred. */
export const mostBodyBytes = 1_048_576;
/** Maximum bytes of held bodies, properties and dead letters. At the limit, the socket is not read. */
export const mostBytesInHand = 33_554_432;
/** Longer bodies arrive in several frames. Each frame is a view that would keep its whole socket buffer in memory. */
const gatheredFrom = 131_072;

/** Property with the body length of a message whose body was skipped. */
const unread: unique symbol = Symbol("bytes that were not read");

interface Frame {
  readonly fields?: { [unread]?: number };
  /** In a content header: the length of the body. */
  size?: number;
  /** In a body frame. */
  readonly content?: Uint8Array;
  readonly channel?: number;
}

/** The parts of amqplib's connection that this module uses (2.3.1, lib/connection.js). */
interface WireConnection {
  readonly stream: { emit(event: "readable"): void };
  /** Whether anything was received since the last heartbeat check. */
  recvSinceLastCheck: boolean;
  recvFrame(): Frame | false;
}

export interface InflowLimits {
  /** Larger bodies are skipped. */
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

  /** A prefetch that never pauses the connection, if no message is larger than the largest so far. */
  get carefulPrefetch(): number {
    return Math.max(1, Math.floor(this.limits.mostBytesInHand / this.#largest));
  }

  /** Counts a message that is now held. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (bytes > this.#largest) this.#largest = bytes;
  }

  /** Uncounts a message that is settled, and resumes reading if there is room. */
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
    /** Remaining bytes of the body that is skipped. */
    let left = 0;
    let gathering: { readonly header: Frame; readonly body: Uint8Array; length: number } | undefined;
    // amqplib's recvFrame calls itself after it reads the socket: then the inner call has already handled the frame.
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
        // amqplib then treats it as a message without a body.
        frame.size = 0;
      } else if (frame && frame.fields && (frame.size ?? 0) > gatheredFrom && gathering?.header !== frame) {
        gathering = { header: frame, body: this.#room(frame.size!), length: 0 };
      }
      return frame;
    };
  }

  /** Reuses one buffer for bodies that fill the limit: only one is held at a time, and V8 frees buffers slowly. */
  #room(bytes: number): Uint8Array {
    const { mostBodyBytes, mostBytesInHand } = this.limits;
    if (bytes < mostBytesInHand) return Buffer.allocUnsafeSlow(bytes);
    this.#large ??= Buffer.allocUnsafeSlow(mostBodyBytes);
    return this.#large.subarray(0, bytes);
  }

  /** While the connection is paused, heartbeats are not read either. That must not count as a lost broker. */
  #outliveHeartbeats(): void {
    let received = this.#connection.recvSinceLastCheck;
    Object.defineProperty(this.#connection, "recvSinceLastCheck", {
      configurable: true,
      get: () => received || this.#isPaused,
      set: (value: boolean) => received = value,
    });
  }
}

/** Returns the length of a skipped body; 0 for a complete message. */
export function unreadBytesOf({ properties }: ConsumeMessage): number {
  return (properties as { [unread]?: number })[unread] ?? 0;
}
