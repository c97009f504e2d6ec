/**
 * protobuf's wire format read a second time, slowly and on its own (protobuf.dev, "Encoding"), to judge what the generated
 * decoders make of bytes that nobody should send.
 */
import { Buffer } from "node:buffer";

export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length and bytes, 3 group, 5 four bytes */
  readonly wireType: number;
  /** Of a varint its value, which may exceed 64 bits; `undefined`: it is longer than a known field may be. */
  readonly varint: bigint | undefined;
  /** What stands after the tag and, where there is one, the length. */
  readonly content: Uint8Array;
  /** All of it, tag included. */
  readonly bytes: Uint8Array;
}

const deepestGroup = 100;

/** @throws {RangeError} where the bytes are no message */
export function wireFields(bytes: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  for (let at = 0; at < bytes.length; at += fields.at(-1)!.bytes.length) {
    fields.push(wireField(bytes, at, 0));
  }
  return fields;
}

/** @throws {RangeError} where the bytes are no UTF-8 */
export function wireText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf8");
  if (!Buffer.from(text, "utf8").equals(bytes)) throw new RangeError("not UTF-8");
  return text;
}

/** Bytes that mean the value, padded to at least `length` bytes. */
export function varintBytes(value: bigint, length = 1): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); rest > 0n || bytes.length < length; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
  bytes[bytes.length - 1]! &= 0x7f;
  return bytes;
}

function wireField(bytes: Uint8Array, start: number, depth: number): WireField {
  const tag = varint(bytes, start, 5);
  if (tag.value >= 2n ** 32n) throw new RangeError("a tag beyond 32 bits");
  const [number, wireType] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
  if (number === 0) throw new RangeError("field 0");
  const field = (from: number, end: number, value?: bigint): WireField => {
    if (end > bytes.length) throw new RangeError("a field beyond the end");
    return { number, wireType, varint: value, content: bytes.subarray(from, end), bytes: bytes.subarray(start, end) };
  };
  switch (wireType) {
    case 0: {
      const { value, end } = varint(bytes, tag.end, Infinity);
      return field(tag.end, end, end - tag.end <= 10 ? value : undefined);
    }
    case 1:
      return field(tag.end, tag.end + 8);
    case 2: {
      const { value, end } = varint(bytes, tag.end, 5);
      return field(end, end + Number(value));
    }
    case 3: {
      if (depth > deepestGroup) throw new RangeError("groups too deep");
      let at = tag.end;
      for (;;) {
        const inner = varint(bytes, at, 5);
        if ((inner.value & 7n) === 4n) {
          if (inner.value >> 3n !== tag.value >> 3n) throw new RangeError("the end of another group");
          return field(tag.end, inner.end);
        }
        at += wireField(bytes, at, depth + 1).bytes.length;
      }
    }
    case 5:
      return field(tag.end, tag.end + 4);
    default:
      throw new RangeError(`wire type ${wireType}`);
  }
}

function varint(bytes: Uint8Array, start: number, most: number): { value: bigint; end: number } {
  let value = 0n;
  for (let at = start; at < start + most; at++) {
    const byte = bytes[at];
    if (byte === undefined) throw new RangeError("a varint beyond the end");
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError("a varint without end");
}
