import { Buffer } from "node:buffer";

/** A dimension; no nulls; the type's number in pg_type; how many; the first index. */
const headerBytes = 20;
const byteaOid = 17;

/**
 * Values as a `bytea[]` in binary, as `array_recv` reads it (PostgreSQL, src/backend/utils/adt/arrayfuncs.c). Text takes twice
 * the bytes, and is copied several times on its way.
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
