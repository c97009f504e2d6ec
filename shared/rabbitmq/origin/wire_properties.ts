/**
 * Reads a message's properties from their wire bytes, as amqplib would return them. Stored messages keep these bytes:
 * nothing else restores every header exactly.
 */
import { Buffer } from "node:buffer";
import type { MessageProperties } from "amqplib";
import type { Headers } from "../message.ts";
import { withBytes } from "../../runtime/deno_workarounds/amqp_exact_properties.ts";
import { exactPropertiesOf } from "./exact_headers.ts";

/** The properties of AMQP 0-9-1's class basic in wire order: flag, name, type. */
const values = [
  [0x8000, "contentType", "text"],
  [0x4000, "contentEncoding", "text"],
  [0x2000, "headers", "table"],
  [0x1000, "deliveryMode", "octet"],
  [0x0800, "priority", "octet"],
  [0x0400, "correlationId", "text"],
  [0x0200, "replyTo", "text"],
  [0x0100, "expiration", "text"],
  [0x0080, "messageId", "text"],
  [0x0040, "timestamp", "timestamp"],
  [0x0020, "type", "text"],
  [0x0010, "userId", "text"],
  [0x0008, "appId", "text"],
  [0x0004, "clusterId", "text"],
] as const;

/**
 * Parses the headers at each access: as objects they may take a hundred times their bytes.
 * @param wire as `rememberedBytes()` returns it: flags, then values
 */
export function propertiesOfWire(wire: Uint8Array): MessageProperties {
  const bytes = Buffer.from(wire.buffer, wire.byteOffset, wire.byteLength);
  const flags = bytes.readUInt16BE(0);
  const properties: Record<string, unknown> = {};
  let offset = 2;
  for (const [flag, name, kind] of values) {
    properties[name] = undefined;
    if (!(flags & flag)) continue;
    if (kind === "text") {
      const end = offset + 1 + bytes.readUInt8(offset);
      properties[name] = bytes.toString("utf8", offset + 1, end);
      offset = end;
    } else if (kind === "octet") properties[name] = bytes.readUInt8(offset++);
    else if (kind === "timestamp") {
      properties[name] = Number(bytes.readBigUInt64BE(offset));
      offset += 8;
    } else offset += 4 + bytes.readUInt32BE(offset);
  }
  const headers = () => asClient(exactPropertiesOf(withBytes({}, wire)).headers);
  return Object.defineProperty(withBytes(properties, wire), "headers", {
    get: headers,
  }) as unknown as MessageProperties;
}

/** Converts exact headers to amqplib's form for readers: every number is a double. */
function asClient(headers: Headers): Headers {
  try {
    return fieldsAsClient(headers);
  } catch (error) {
    // Nested tables overflowed the stack.
    if (error instanceof RangeError) return {};
    throw error;
  }
}

function fieldsAsClient(fields: Headers): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(read, name, { value: valueAsClient(value), enumerable: true, writable: true });
  }
  return read;
}

function valueAsClient(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(valueAsClient);
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return value;
  const { "!": type, value: inner } = value as { "!"?: unknown; value?: unknown };
  if (type === undefined) return fieldsAsClient(value as Headers);
  if (type === "object") return fieldsAsClient(inner as Headers);
  if (type === "timestamp") return { "!": type, value: Number(inner) };
  return type === "decimal" ? value : Number(inner);
}
