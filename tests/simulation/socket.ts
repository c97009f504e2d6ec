/** The client's end of a connection: what the members' own readers replace and read (inflow.ts, amqp_plain_deliveries.ts). */
import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import { framesOf } from "../fixtures/amqp_server.ts";
import type { Message } from "./broker.ts";

interface Frame {
  readonly fields?: Options.Publish;
  size?: number;
  readonly content?: Uint8Array;
}

/** RabbitMQ's frame_max, without what a frame has around its content: a longer body is not plain. */
const mostFrameBytes = 131_072 - 8;
const nothing = Buffer.alloc(0);
/** Arrives to see whether anything is read. */
const probe: Frame = {};

export class Socket {
  readonly connection = {
    serverProperties: { version: "simulated" },
    stream: { destroy: () => this.cut(), emit: () => this.#drain() },
    rest: nothing,
    maxFrameSize: 0,
    recvSinceLastCheck: true,
    // Each frame is read once.
    recvFrame: (): Frame | false => {
      const frame = this.#frame;
      this.#frame = false;
      return frame;
    },
  };
  #frame: Frame | false = false;
  /** What the member does not read yet. */
  #held: (() => void)[] = [];
  #draining = false;

  /** @param isUnbounded whether the member reads on, however much it has in hand */
  constructor(private readonly cut: () => void, private readonly isUnbounded: boolean) {}

  /** In order; waits while the member reads nothing. */
  arrive(act: () => void): void {
    this.#held.push(act);
    this.#drain();
  }

  /** What has not been read is lost. */
  close(): void {
    this.#held = [];
  }

  /** Whether the members' reader takes the delivery from the wire's bytes. */
  isTaken({ body, properties }: Message, tag: number, channel: number, consumerTag: string): boolean {
    const { connection } = this;
    const { headers = {}, timestamp, ...others } = properties;
    // The encoder knows no headers but texts; whatever has some is not plain.
    if (Object.keys(headers).length > 0 || body.length > mostFrameBytes) return false;
    connection.rest = Buffer.concat(framesOf({
      ...{ channel, consumerTag, tag: BigInt(tag), redelivered: false, exchange: "", routingKey: "" },
      properties: { ...others, headers, ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }) },
      ...{ body, bodyFrameBytes: Infinity },
    }));
    this.#receive(false);
    return connection.rest.length === 0;
  }

  /** As amqplib makes it of the frames that are left to it: without the body, where the member does not read that. */
  read({ body, properties }: Message): { readonly content: Buffer; readonly properties: Options.Publish } {
    const header: Frame = { fields: { ...properties }, size: body.length };
    this.#receive(header);
    const isRead = header.size === body.length;
    if (!isRead) this.#receive({ content: body });
    return { content: isRead ? body : nothing, properties: header.fields! };
  }

  /** Gives the frame to the members' readers, around amqplib's. @returns what they leave of it */
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
