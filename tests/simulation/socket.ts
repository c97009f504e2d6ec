/**
 * The client's end of a connection: the parts that the members' readers replace and read (inflow.ts,
 * amqp_plain_deliveries.ts).
 */
import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import { framesOf } from "../fixtures/amqp_server.ts";
import type { Message } from "./broker.ts";

interface Frame {
  readonly fields?: Options.Publish;
  size?: number;
  readonly content?: Uint8Array;
}

/** RabbitMQ's frame_max less a frame's 8 bytes of overhead. A delivery with a longer body is not plain. */
const mostFrameBytes = 131_072 - 8;
const nothing = Buffer.alloc(0);
/** A frame that tests whether the member reads at all. */
const probe: Frame = {};

export class Socket {
  readonly connection = {
    serverProperties: { version: "simulated" },
    stream: { destroy: () => this.cut(), emit: () => this.#drain() },
    rest: nothing,
    maxFrameSize: 0,
    recvSinceLastCheck: true,
    // Returns each frame once.
    recvFrame: (): Frame | false => {
      const frame = this.#frame;
      this.#frame = false;
      return frame;
    },
  };
  #frame: Frame | false = false;
  /** Arrivals that wait until the member reads again. */
  #held: (() => void)[] = [];
  #draining = false;

  /** @param isUnbounded whether the member keeps reading beyond its bound */
  constructor(private readonly cut: () => void, private readonly isUnbounded: boolean) {}

  /** Delivers arrivals in order; they wait while the member does not read. */
  arrive(act: () => void): void {
    this.#held.push(act);
    this.#drain();
  }

  /** Drops unread arrivals. */
  close(): void {
    this.#held = [];
  }

  /** Returns whether the members' reader decodes the delivery from the wire itself. */
  isTaken({ body, properties }: Message, tag: number, channel: number, consumerTag: string): boolean {
    const { connection } = this;
    const { headers = {}, timestamp, ...others } = properties;
    // The encoder supports no headers but texts, so a delivery with headers counts as not plain.
    if (Object.keys(headers).length > 0 || body.length > mostFrameBytes) return false;
    connection.rest = Buffer.concat(framesOf({
      ...{ channel, consumerTag, tag: BigInt(tag), redelivered: false, exchange: "", routingKey: "" },
      properties: { ...others, headers, ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }) },
      ...{ body, bodyFrameBytes: Infinity },
    }));
    this.#receive(false);
    return connection.rest.length === 0;
  }

  /**
   * Returns the message as amqplib builds it from the frames that it gets: without the body if the member skips the
   * body.
   */
  read({ body, properties }: Message): { readonly content: Buffer; readonly properties: Options.Publish } {
    const header: Frame = { fields: { ...properties }, size: body.length };
    this.#receive(header);
    const isRead = header.size === body.length;
    if (!isRead) this.#receive({ content: body });
    return { content: isRead ? body : nothing, properties: header.fields! };
  }

  /** Passes the frame to the members' readers, which wrap amqplib's. @returns the part that they leave to amqplib */
  #receive(frame: Frame | false): unknown {
    this.#frame = frame;
    const received = this.connection.recvFrame();
    this.#frame = false;
    return received;
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    while (this.#held.length > 0 && (this.isUnbounded || this.#receive(probe) === probe)) this.#held.shift()!();
    this.#draining = false;
  }
}
