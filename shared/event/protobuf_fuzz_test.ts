import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeEvent, decodeEventAt, encodeEvent, UndecodableError } from "./protobuf.ts";
import { kinds } from "./kinds.ts";
import { type Event, eventOf, type Fault } from "./event.ts";
import { anyEvent } from "../../tests/fixtures/arbitraries.ts";
import { mutatedMessage } from "../../tests/fixtures/mutated_bytes.ts";
import { wireFields, wireText } from "../../tests/fixtures/wire_format.ts";

/** Decodes by protobuf's rules: the last of repeated scalars wins, repeated messages are merged. */
function readByHand(body: Uint8Array): Event | Fault[] {
  const [integers, created] = [new Map<number, bigint>(), new Map<number, bigint>()];
  let [currency, hasWon, hasCreatedAt] = ["", false, false];
  for (const { number, wireType, varint, content } of wireFields(body)) {
    if (number <= 5 && wireType === 0) integers.set(number, known(varint));
    if (number === 6 && wireType === 2) currency = wireText(content);
    if (number === 7 && wireType === 0) hasWon = known(varint) !== 0n;
    if (number === 8 && wireType === 2) {
      hasCreatedAt = true;
      for (const inner of wireFields(content)) {
        if (inner.number <= 2 && inner.wireType === 0) created.set(inner.number, known(inner.varint));
      }
    }
  }
  const int64 = (value = 0n) => BigInt.asIntN(64, value);
  const int32 = (value = 0n) => Number(BigInt.asIntN(32, value));
  const type = int32(integers.get(4));
  return eventOf({
    id: int64(integers.get(1)),
    playerId: int64(integers.get(2)),
    gameId: int64(integers.get(3)),
    kind: type === 0 ? undefined : kinds.find(({ wireNumber }) => wireNumber === type) ?? type,
    amount: int64(integers.get(5)),
    currency,
    hasWon,
    createdAt: hasCreatedAt ? { seconds: Number(int64(created.get(1))), nanos: int32(created.get(2)) } : undefined,
  });
}

function known(varint: bigint | undefined): bigint {
  if (varint === undefined) throw new RangeError("a varint of more than ten bytes");
  return varint;
}

const counts = { events: 0, faults: 0, refused: 0 };

/** Decodes the body where it lies between bytes that could belong to it. */
function decodeBetween(body: Uint8Array): Event | Fault[] {
  return decodeEventAt(Buffer.concat([body, body, body]), body.length, 2 * body.length);
}

function agree(body: Uint8Array): void {
  let expected: Event | Fault[];
  try {
    expected = readByHand(body);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    counts.refused++;
    for (const decode of [decodeEvent, decodeBetween]) {
      throws(() => decode(body), (thrown) => thrown instanceof UndecodableError && thrown.message.length < 200);
    }
    return;
  }
  const event = decodeEvent(body);
  deepStrictEqual(event, expected);
  // amqplib delivers a Buffer, for which protobufjs has another reader.
  deepStrictEqual(decodeEvent(Buffer.from(body)), expected);
  deepStrictEqual(decodeBetween(body), expected);
  if (Array.isArray(event)) counts.faults++;
  else {
    counts.events++;
    deepStrictEqual(decodeEvent(encodeEvent(event)), event);
  }
}

Deno.test("decodeEvent() reverses encodeEvent() for 10,000 events", () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const body = encodeEvent(event);
      deepStrictEqual(decodeEvent(body), event);
      deepStrictEqual(readByHand(body), event);
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("decodeEvent() reads exactly the content of 20,000 mutated messages, or rejects them", () => {
  fc.assert(fc.property(mutatedMessage(anyEvent.map(encodeEvent)), agree), { numRuns: 20_000 });
  const { events, faults, refused } = counts;
  strictEqual(events > 2_000 && faults > 2_000 && refused > 2_000, true, JSON.stringify(counts));
});

Deno.test("decodeEvent() reads exactly the content of 10,000 random bodies, or rejects them", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), agree), { numRuns: 10_000 });
});

Deno.test("decodeEvent() never confuses currencies in 5,000 texts that are not all UTF-8", () => {
  const before = encodeEvent({
    type: "deposit",
    id: 1n,
    playerId: 1n,
    amount: 1n,
    currency: "EUR",
    createdAt: { seconds: 0, nanos: 0 },
  });
  const start = before.indexOf(0x32);
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 100 }), hardUtf8), (text) => {
      agree(Uint8Array.from([...before.subarray(0, start), 0x32, text.length, ...text, ...before.subarray(start + 5)]));
    }),
    { numRuns: 5_000 },
  );
});

/** Letters mixed with truncated sequences, overlong forms, surrogates and code points beyond U+10FFFF. */
const hardUtf8 = fc.array(
  fc.constantFrom(
    [0x41],
    [0x45, 0x55, 0x52],
    [0xc3],
    [0xa9],
    [0xc3, 0xa9],
    [0xc0, 0x80],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xef, 0xbb, 0xbf],
    [0xef, 0xbf, 0xbd],
    [0xf0, 0x9f, 0x92, 0xb6],
    [0xf4, 0x90, 0x80, 0x80],
    [0xff],
    [0x00],
  ),
  { minLength: 1, maxLength: 30 },
).map((parts) => Uint8Array.from(parts.flat()));
