/** Deliveries from the broker. A process holds thousands, and the garbage collector copies all that they keep. */
import { Buffer } from "node:buffer";
import type { ConsumeMessage, MessageProperties } from "amqplib";
import { withOwnBytes } from "../../runtime/deno_workarounds/amqp_exact_properties.ts";
import type { PlainDelivery } from "../../runtime/deno_workarounds/amqp_plain_deliveries.ts";
import type { Delivery } from "../delivery.ts";
import { type Headers, timestampMsOf } from "../message.ts";
import { messageIdOf, sentIdOf } from "../message_id.ts";
import { mostHeldBy } from "./held_bytes.ts";
import { type Origin, plainProperties } from "../origin/origin.ts";

/** The lifetime of a channel. */
interface Life {
  readonly ended: boolean;
}

/** @template Session the lifetime of the channel that delivered it; only that channel can settle it */
export abstract class AmqpDelivery<Session extends Life> implements Delivery {
  abstract readonly messageId: string;
  abstract readonly sentId: string | undefined;
  abstract readonly body: Uint8Array;
  /** Upper bound of its memory in bytes until it is settled, including its dead letter. */
  abstract readonly heldBytes: number;
  abstract readonly headers: Headers;
  abstract readonly appId: string | undefined;
  abstract readonly timestampMs: number | undefined;
  abstract readonly origin: Origin;

  constructor(readonly session: Session, readonly tag: number) {}

  get isLost(): boolean {
    return this.session.ended;
  }

  /** Copies its bytes, which are a view of a socket buffer, so that the buffer can be freed. */
  abstract ownBytes(): void;
}

/** A delivery that amqplib has parsed. */
export class ReadDelivery<Session extends Life> extends AmqpDelivery<Session> {
  readonly messageId: string;
  readonly sentId: string | undefined;
  body: Uint8Array;
  readonly headers: Headers;
  readonly appId: string | undefined;
  readonly timestampMs: number | undefined;
  readonly heldBytes: number;
  readonly #at: Omit<Origin, "properties">;
  #properties: MessageProperties;

  constructor(session: Session, { fields, properties, content }: ConsumeMessage) {
    super(session, fields.deliveryTag);
    this.messageId = messageIdOf(properties.messageId, content);
    this.headers = properties.headers ?? {};
    this.sentId = sentIdOf(properties.messageId, this.messageId, this.headers);
    this.body = content;
    this.appId = properties.appId;
    this.timestampMs = timestampMsOf(properties.timestamp);
    this.#at = { exchange: fields.exchange, routingKey: fields.routingKey };
    this.#properties = properties;
    this.heldBytes = content.length + mostHeldBy(Object.values(properties));
  }

  get origin(): Origin {
    return { ...this.#at, properties: this.#properties };
  }

  ownBytes(): void {
    this.body = new Uint8Array(this.body);
    this.#properties = withOwnBytes(this.#properties);
    copyViews(this.headers);
  }
}

/** Replaces byte values, at any depth, by copies: they are views of the socket buffer too. */
function copyViews(headers: Headers): void {
  const left: object[] = [headers];
  for (let next; (next = left.pop());) {
    for (const [key, value] of Object.entries(next)) {
      if (ArrayBuffer.isView(value)) Reflect.set(next, key, Buffer.from(value as Uint8Array));
      else if (typeof value === "object" && value !== null) left.push(value);
    }
  }
}

const noHeaders: Headers = Object.freeze({});
const uuidLength = 36;

/** A plain delivery as bytes of the socket buffer; each property is parsed on access. */
export class UnreadDelivery<Session extends Life> extends AmqpDelivery<Session> {
  #bytes: Buffer;
  #messageId: string | undefined;
  #exchangeAt: number;
  #messageIdAt: number;
  #timestampAt: number;
  #appIdAt: number;
  #bodyAt: number;
  #end: number;

  constructor(session: Session, found: PlainDelivery) {
    super(session, found.tag);
    this.#bytes = found.bytes;
    this.#messageId = undefined;
    this.#exchangeAt = found.exchangeAt;
    this.#messageIdAt = found.messageIdAt;
    this.#timestampAt = found.timestampAt;
    this.#appIdAt = found.appIdAt;
    this.#bodyAt = found.bodyAt;
    this.#end = found.end;
  }

  get messageId(): string {
    return this.#messageId ??= this.#bytes.toString("latin1", this.#messageIdAt, this.#messageIdAt + uuidLength);
  }

  /** A plain delivery's message id is already in the normal form. */
  get sentId(): undefined {
    return undefined;
  }

  get body(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + this.#bodyAt, this.#end - this.#bodyAt);
  }

  readBody<T>(read: (bytes: Uint8Array, start: number, end: number) => T): T {
    return read(this.#bytes, this.#bodyAt, this.#end);
  }

  get heldBytes(): number {
    return this.#end - this.#exchangeAt;
  }

  get headers(): Headers {
    return noHeaders;
  }

  get appId(): string | undefined {
    return this.#appIdAt === 0 ? undefined : this.#text(this.#appIdAt);
  }

  get timestampMs(): number | undefined {
    if (this.#timestampAt === 0) return undefined;
    const [high, low] = [this.#timestampAt, this.#timestampAt + 4];
    return (this.#bytes.readUInt32BE(high) * 2 ** 32 + this.#bytes.readUInt32BE(low)) * 1000;
  }

  get origin(): Origin {
    const exchange = this.#text(this.#exchangeAt);
    const routingKey = this.#text(this.#exchangeAt + 1 + this.#bytes[this.#exchangeAt]!);
    return { exchange, routingKey, properties: plainProperties(this) };
  }

  ownBytes(): void {
    const begin = this.#exchangeAt;
    this.#bytes = Buffer.from(this.#bytes.subarray(begin, this.#end));
    this.#exchangeAt = 0;
    this.#messageIdAt -= begin;
    if (this.#timestampAt > 0) this.#timestampAt -= begin;
    if (this.#appIdAt > 0) this.#appIdAt -= begin;
    this.#bodyAt -= begin;
    this.#end -= begin;
  }

  /** Reads an AMQP short string. */
  #text(at: number): string {
    return this.#bytes.toString("utf8", at + 1, at + 1 + this.#bytes[at]!);
  }
}
