import { Buffer } from "node:buffer";

/** Five int32: number of dimensions, has-nulls flag, the element type's oid, number of elements, first index. */
const headerBytes = 20;
const byteaOid = 17;

/**
 * Encodes the values as a binary `bytea[]`, which `array_recv` reads (PostgreSQL, src/backend/utils/adt/arrayfuncs.c).
 * The text format takes twice the bytes and is copied several times.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(byteaArray([Uint8Array.of(0xca, 0xfe)]).toHex(), "0000000100000000000000110000000100000001" + "00000002cafe");
 * ```
 */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  const size = values.reduce((bytes, value) => bytes + 4 + value.length, headerBytes);
  const array = Buffer.allocUnsafe(size);
  let at = 0;
  for (const word of [1, 0, byteaOid, values.length, 1]) at = array.writeInt32BE(word, at);
  for (const value of values) {
    at = array.writeInt32BE(value.length, at);
    array.set(value, at);
    at += value.length;
  }
  return array;
}
