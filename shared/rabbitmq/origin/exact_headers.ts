/** Reads header values exactly as on the wire; amqp_exact_properties.ts says why amqplib's values are not enough. */
import { Buffer } from "node:buffer";
import { rememberedBytes, type Remembering } from "../../runtime/deno_workarounds/amqp_exact_properties.ts";
import type { Headers } from "../message.ts";

/** Flags of the properties that a message has: AMQP 0-9-1, section 4.2.6.1. */
const flag = { contentType: 0x8000, contentEncoding: 0x4000, headers: 0x2000, deliveryMode: 0x1000, priority: 0x0800 };
const flagsBeforeTimestamp = [0x0400, 0x0200, 0x0100, 0x0080];
const timestampFlag = 0x0040;

export interface Exact {
  /** In the form in which amqplib writes them: a number is `{ "!": type, value }`. */
  readonly headers: Headers;
  /** AMQP's seconds, if they are not a safe integer. */
  readonly timestamp?: bigint;
}

/** @param properties without their wire bytes, as in tests and simulation, amqplib's headers are returned */
export function exactPropertiesOf(properties: Readonly<Remembering>): Exact {
  const bytes = rememberedBytes(properties);
  if (!bytes) return { headers: properties.headers ?? {} };
  try {
    return readProperties(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    // Nested tables overflowed the stack. amqplib needs less stack per level, so its headers are the best available.
    if (error instanceof RangeError) return { headers: properties.headers ?? {} };
    throw error;
  }
}

function readProperties(bytes: Buffer): Exact {
  const flags = bytes.readUInt16BE(0);
  let offset = 2;
  const skipText = (present: number) => {
    if (flags & present) offset += 1 + bytes.readUInt8(offset);
  };
  skipText(flag.contentType);
  skipText(flag.contentEncoding);
  let headers: Headers = {};
  if (flags & flag.headers) {
    const end = offset + 4 + bytes.readUInt32BE(offset);
    headers = new Table(bytes.subarray(offset + 4, end)).fields();
    offset = end;
  }
  if (flags & flag.deliveryMode) offset++;
  if (flags & flag.priority) offset++;
  flagsBeforeTimestamp.forEach(skipText);
  if (!(flags & timestampFlag)) return { headers };
  const timestamp = bytes.readBigUInt64BE(offset);
  return { headers, ...(timestamp > Number.MAX_SAFE_INTEGER && { timestamp }) };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** By wire tag: amqplib's name of the type, its length in bytes, and its reader. */
const numberKinds: Readonly<Record<string, [type: string, bytes: number, read: (bytes: Buffer) => number | bigint]>> = {
  b: ["int8", 1, (bytes) => bytes.readInt8()],
  B: ["uint8", 1, (bytes) => bytes.readUInt8()],
  s: ["int16", 2, (bytes) => bytes.readInt16BE()],
  u: ["uint16", 2, (bytes) => bytes.readUInt16BE()],
  I: ["int32", 4, (bytes) => bytes.readInt32BE()],
  i: ["uint32", 4, (bytes) => bytes.readUInt32BE()],
  l: ["int64", 8, (bytes) => bytes.readBigInt64BE()],
  f: ["float", 4, (bytes) => bytes.readFloatBE()],
  d: ["double", 8, (bytes) => bytes.readDoubleBE()],
};

/** A field table of AMQP 0-9-1, with the tags that RabbitMQ uses: rabbitmq.com/amqp-0-9-1-errata, section 3. */
class Table {
  #offset = 0;

  constructor(private readonly bytes: Buffer) {}

  fields(): Record<string, unknown> {
    // No prototype, which a key such as `__proto__` could replace.
    const fields: Record<string, unknown> = Object.create(null);
    while (this.#offset < this.bytes.length) {
      const key = this.#take(this.bytes.readUInt8(this.#offset++)).toString("utf8");
      fields[key] = this.#value();
    }
    return fields;
  }

  #values(): unknown[] {
    const values: unknown[] = [];
    while (this.#offset < this.bytes.length) values.push(this.#value());
    return values;
  }

  #value(): unknown {
    const tag = String.fromCharCode(this.bytes.readUInt8(this.#offset++));
    switch (tag) {
      case "t":
        return this.#take(1).readUInt8() !== 0;
      case "V":
        return null;
      case "S":
        return textOrBytes(this.#long());
      case "x":
        return Buffer.from(this.#long());
      case "A":
        return new Table(this.#long()).#values();
      case "F": {
        const fields = new Table(this.#long()).fields();
        // amqplib would write a table with this key as a typed value.
        return Object.hasOwn(fields, "!") ? { "!": "object", value: fields } : fields;
      }
      case "D":
        return {
          "!": "decimal",
          value: { places: this.#take(1).readUInt8(), digits: this.#take(4).readUInt32BE() },
        };
      case "T":
        return { "!": "timestamp", value: this.#take(8).readBigUInt64BE() };
      default:
        return this.#number(tag);
    }
  }

  #number(tag: string): { readonly "!": string; readonly value: number | bigint } {
    const kind = numberKinds[tag];
    if (!kind) throw new TypeError(`A header of the unknown type ${JSON.stringify(tag)}`);
    const [type, bytes, read] = kind;
    return { "!": type, value: read(this.#take(bytes)) };
  }

  #long(): Buffer {
    const length = this.bytes.readUInt32BE(this.#offset);
    this.#offset += 4;
    return this.#take(length);
  }

  #take(length: number): Buffer {
    return this.bytes.subarray(this.#offset, this.#offset += length);
  }
}

/** AMQP long strings need not be UTF-8. Invalid ones stay bytes, because decoding would change them. */
function textOrBytes(bytes: Buffer): string | Buffer {
  try {
    return utf8.decode(bytes);
  } catch {
    return Buffer.from(bytes);
  }
}
