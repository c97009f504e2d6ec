/**
 * One letter as the messages of a binary COPY (PostgreSQL documentation, "COPY", "Binary Format"). The body is sent
 * without a copy: as a statement parameter, a large body would be copied twice more.
 */
import { Buffer } from "node:buffer";
import { type LetterRow, writtenColumns } from "./letter_row.ts";

const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
/** A message with the end of the rows, then CopyDone. */
const end = Buffer.from("d\0\0\0\x06\xff\xffc\0\0\0\x04", "latin1");
/** Postgres counts microseconds from 2000-01-01T00:00:00Z. */
const epochMs = Date.UTC(2000, 0);

export const copyStatement = `copy dead_letters (${
  writtenColumns.map(([name]) => name)
}, previous) from stdin (format binary)`;

/** @param previous id of the letter whose replay became this letter */
export function copiedLetter({ values, properties, body }: LetterRow, previous?: bigint): readonly Uint8Array[] {
  const fields = values.flatMap((value, n) => {
    const bytes = value === null ? undefined : encoders[writtenColumns[n]![1]](value);
    return bytes ? [int32(bytes.length), bytes] : [int32(-1)];
  });
  const count = Buffer.alloc(2);
  count.writeInt16BE(writtenColumns.length + 1);
  const before = Buffer.concat([signature, count, ...fields, int32(properties.length), properties, int32(body.length)]);
  const after = previous === undefined ? int32(-1) : Buffer.concat([int32(8), int64(previous)]);
  return [...copyData(before), ...copyData(body), ...copyData(after), end];
}

/** Encode a value's text in the format that its type's `recv` function reads. */
const encoders: Readonly<Record<typeof writtenColumns[number][1], (text: string) => Buffer>> = {
  uuid: (text) => Buffer.from(text.replaceAll("-", ""), "hex"),
  bigint: (text) => int64(BigInt(text)),
  timestamptz: (text) => int64(BigInt(Date.parse(text) - epochMs) * 1_000n),
  boolean: (text) => Buffer.of(Number(text === "true")),
  text: (text) => Buffer.from(text),
  bytea: (hex) => Buffer.from(hex, "hex"),
};

function copyData(bytes: Uint8Array): Uint8Array[] {
  const header = Buffer.from("d\0\0\0\0");
  header.writeInt32BE(4 + bytes.length, 1);
  return [header, bytes];
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
