/**
 * Encodes rows in Postgres's binary COPY format: PostgreSQL documentation, "COPY", "Binary Format". Each field has the
 * bytes that its type's `recv` function reads. All integers are big-endian.
 */
import { Buffer } from "node:buffer";

/** The file header: signature, flags, length of the header extension. */
const header = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
/** Postgres's epoch, 2000-01-01T00:00:00Z, in seconds since 1970. */
const epochSeconds = 946_684_800;
const bytesAtFirst = 128 * 1024;
const messageHeaderBytes = 5;
const twoTo32 = 2 ** 32;
const [int64Min, int64Max] = [-(2n ** 63n), 2n ** 63n - 1n];
const encoder = new TextEncoder();
/** Characters. Up to this length a loop is faster than the encoder, whose call alone takes about 150 ns. */
const longestLoop = 256;

/** Values of hexadecimal digits, upper and lower case, by character code. */
const noDigit = 16;
const nibbles = new Uint8Array(128).fill(noDigit);
[..."0123456789abcdef"].forEach((digit, value) => {
  for (const each of [digit, digit.toUpperCase()]) nibbles[each.charCodeAt(0)] = value;
});

/** A value out of its column's range. Carries the SQLSTATE with which Postgres would reject it. */
export class OutOfRange extends RangeError {
  override readonly name = "OutOfRange";
  readonly code = "22003";
}

/** Collects rows, field by field, in a buffer that grows on demand. */
export class CopyRows {
  #bytes = Buffer.allocUnsafe(bytesAtFirst);
  #view = viewOf(this.#bytes);
  #end = 0;

  /** Discards all rows. The next rows overwrite the buffer that {@linkcode finish} returned. */
  begin(): void {
    this.#end = messageHeaderBytes + header.copy(this.#bytes, messageHeaderBytes);
  }

  /** Begins a row; the caller must then add this many fields. */
  row(fields: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#end, fields);
    this.#end += 2;
  }

  null(): void {
    this.#length(-1, 0);
  }

  /** @throws {OutOfRange} */
  int64(value: bigint): void {
    if (value < int64Min || value > int64Max) throw new OutOfRange(`${value} is out of range for a bigint`);
    this.#length(8, 8);
    this.#view.setBigInt64(this.#end, value);
    this.#end += 8;
  }

  boolean(value: boolean): void {
    this.#length(1, 1);
    this.#bytes[this.#end++] = value ? 1 : 0;
  }

  /** @param text a UUID: 32 hexadecimal digits with hyphens */
  uuid(text: string): void {
    this.#length(16, 16);
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = 0; i < text.length; i++) {
      const high = nibbles[text.charCodeAt(i)]!;
      if (high === noDigit) continue;
      bytes[at++] = high << 4 | nibbles[text.charCodeAt(++i)]!;
    }
    this.#end = at;
  }

  /**
   * @param seconds since 1970
   * @param microseconds 0 to 999,999
   */
  timestamp(seconds: number, microseconds: number): void {
    this.#length(8, 8);
    const since = seconds - epochSeconds;
    const total = since * 1_000_000 + microseconds;
    if (Number.isSafeInteger(total)) {
      const high = Math.floor(total / twoTo32);
      this.#view.setInt32(this.#end, high);
      this.#view.setUint32(this.#end + 4, total - high * twoTo32);
    } else {
      this.#view.setBigInt64(this.#end, BigInt(since) * 1_000_000n + BigInt(microseconds));
    }
    this.#end += 8;
  }

  /** In UTF-8. */
  text(value: string): void {
    // UTF-8 needs at most three bytes per UTF-16 code unit.
    this.#length(0, value.length * 3);
    const start = this.#end;
    const written = value.length <= longestLoop ? this.#ascii(value) : -1;
    this.#end += written >= 0 ? written : encoder.encodeInto(value, this.#bytes.subarray(start)).written;
    this.#view.setInt32(start - 4, this.#end - start);
  }

  /** @returns the number of bytes, or -1 when the text is not ASCII */
  #ascii(value: string): number {
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return -1;
      bytes[at++] = code;
    }
    return value.length;
  }

  /** Adds a field that is already encoded. */
  raw(bytes: Uint8Array): void {
    this.#length(bytes.length, bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Returns all rows as the messages CopyData and CopyDone (PostgreSQL documentation, 55.7 "Message Formats"). */
  finish(): Buffer {
    this.#reserve(2 + messageHeaderBytes);
    this.#view.setInt16(this.#end, -1);
    this.#end += 2;
    this.#message("d", 0, this.#end);
    this.#message("c", this.#end, this.#end + messageHeaderBytes);
    return this.#bytes.subarray(0, this.#end + messageHeaderBytes);
  }

  /** A message's length includes the length field but not the letter before it. */
  #message(letter: string, start: number, end: number): void {
    this.#view.setUint8(start, letter.charCodeAt(0));
    this.#view.setInt32(start + 1, end - start - 1);
  }

  #length(length: number, room: number): void {
    this.#reserve(4 + room);
    this.#view.setInt32(this.#end, length);
    this.#end += 4;
  }

  #reserve(room: number): void {
    if (this.#end + room <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + room));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

/**
 * Encodes a `numeric` field as `numeric_send` does: base-10,000 digits, four decimal digits each.
 * @param decimal digits with at most one point, such as `1.0705`
 */
export function numericBytes(decimal: string): Uint8Array {
  const [whole = "", fraction = ""] = decimal.split(".");
  const left = whole.replace(/^0+/, "");
  const wholeDigits = left.padStart(Math.ceil(left.length / 4) * 4, "0");
  const groups = (wholeDigits + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, "0")).match(/.{4}/g) ?? [];
  let weight = wholeDigits.length / 4 - 1;
  const digits = groups.map(Number);
  while (digits[0] === 0) {
    digits.shift();
    weight--;
  }
  while (digits.at(-1) === 0) digits.pop();
  const bytes = new Uint8Array(8 + digits.length * 2);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, digits.length);
  view.setInt16(2, digits.length === 0 ? 0 : weight);
  // The sign: positive.
  view.setInt16(4, 0);
  view.setInt16(6, fraction.length);
  digits.forEach((digit, i) => view.setInt16(8 + i * 2, digit));
  return bytes;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Formats the values as a Postgres array literal: PostgreSQL documentation, 8.15.2 "Array Value Input". Quotes every
 * text, so that Postgres reads none as NULL or as syntax.
 */
export function arrayLiteral(values: readonly (string | null)[]): string {
  let text = "{";
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (i > 0) text += ",";
    text += value === null || value === undefined ? "NULL" : `"${escaped(value)}"`;
  }
  return text + "}";
}

const special = /["\\]/;

function escaped(value: string): string {
  // Most values need no escaping, and test() is cheaper than replace().
  return special.test(value) ? value.replace(/["\\]/g, "\\$&") : value;
}
