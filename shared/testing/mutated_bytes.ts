/** Encodings with something wrong in them, for properties of whatever reads bytes that others have sent. */
import fc from "fast-check";
import { varintBytes, type WireField, wireFields } from "./wire_format.ts";

type Bytes = readonly number[];

/** Where and how much; every number is taken modulo what there is. */
interface Place {
  readonly at: number;
  readonly to: number;
  readonly size: number;
  readonly noise: Bytes;
  /** A second valid encoding. */
  readonly other: Bytes;
}

/** One to three mutations of bytes of any kind: bits flipped, slices cut, doubled, swapped, spliced, and noise. */
export function mutatedBytes(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return mutatedBy(ofAnyBytes, valid);
}

/** The same, and mutations that protobuf's wire format knows: fields repeated, moved, retyped, overlong, of lying lengths. */
export function mutatedMessage(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return mutatedBy([...ofAnyBytes, ...ofMessages, ...ofMessages], valid);
}

type Mutation = (bytes: Bytes, place: Place) => Bytes;

function mutatedBy(mutations: readonly Mutation[], valid: fc.Arbitrary<Uint8Array>) {
  const step = fc.record({
    mutation: fc.constantFrom(...mutations),
    at: fc.nat(),
    to: fc.nat(),
    size: fc.nat(),
    noise: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 }),
  });
  return fc.tuple(valid, valid, fc.array(step, { minLength: 1, maxLength: 3 })).map(([first, second, steps]) => {
    let bytes: Bytes = [...first];
    for (const { mutation, ...place } of steps) bytes = mutation(bytes, { ...place, other: [...second] });
    return Uint8Array.from(bytes);
  });
}

const ofAnyBytes: readonly Mutation[] = [
  function flipBit(bytes, { at, to }) {
    return bytes.map((byte, i) => i === at % bytes.length ? byte ^ (1 << to % 8) : byte);
  },
  function cutEnd(bytes, { at }) {
    return bytes.slice(0, at % (bytes.length + 1));
  },
  function cutOut(bytes, { at, size }) {
    return bytes.toSpliced(at % (bytes.length + 1), 1 + size % 8);
  },
  function doubleSlice(bytes, { at, to, size }) {
    const from = at % (bytes.length + 1);
    return bytes.toSpliced(to % (bytes.length + 1), 0, ...bytes.slice(from, from + 1 + size % 16));
  },
  function insertNoise(bytes, { at, noise }) {
    return bytes.toSpliced(at % (bytes.length + 1), 0, ...noise);
  },
  function swapSlices(bytes, { at, to }) {
    const [first = 0, second = 0] = [at, to].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
    return [...bytes.slice(second), ...bytes.slice(first, second), ...bytes.slice(0, first)];
  },
  function splice(bytes, { at, to, other }) {
    return [...bytes.slice(0, at % (bytes.length + 1)), ...other.slice(to % (other.length + 1))];
  },
];

const ofMessages: readonly Mutation[] = [
  function addUnknownField(bytes, { at, to, noise }) {
    const number = BigInt(9 + to % 1_000);
    const field = [
      [...varintBytes(number << 3n), ...varintBytes(BigInt(at))],
      [...varintBytes(number << 3n | 2n), noise.length, ...noise],
      [...varintBytes(number << 3n | 3n), ...varintBytes(number << 3n | 4n)],
      [...varintBytes(number << 3n | 5n), 1, 2, 3, 4],
    ][at % 4]!;
    return [...bytes, ...field];
  },
  function appendAll(bytes, { other }) {
    return [...bytes, ...other];
  },
  function repeatField(bytes, { at, to }) {
    return withFields(bytes, (fields) => {
      const field = fields[at % fields.length]!;
      return fields.map(whole).toSpliced(to % (fields.length + 1), 0, whole(field)).flat();
    });
  },
  function otherVarint(bytes, { at, to, size }) {
    const value = interesting[to % interesting.length]! + BigInt(size % 3) - 1n;
    return changeField(bytes, at, ({ number, wireType, content }) => {
      return wireType === 0 ? [...varintBytes(BigInt(number << 3)), ...varintBytes(value)] : [...content];
    });
  },
  function overlongVarint(bytes, { at, size }) {
    return changeField(bytes, at, ({ number, wireType, varint, content }) => [
      ...varintBytes(BigInt(number << 3 | wireType), 1 + size % 6),
      ...(varint === undefined ? content : varintBytes(varint, 1 + size % 12)),
    ]);
  },
  function otherWireType(bytes, { at, to }) {
    return changeField(bytes, at, ({ bytes: [tag = 0, ...rest] }) => [tag & ~7 | to % 8, ...rest]);
  },
  function otherField(bytes, { at, to }) {
    return changeField(bytes, at, ({ bytes: [tag = 0, ...rest] }) => [1 + to % 9 << 3 | tag & 7, ...rest]);
  },
  function lyingLength(bytes, { at, to, size }) {
    return changeField(bytes, at, ({ number, content }) => [
      ...varintBytes(BigInt(number << 3 | 2)),
      ...varintBytes(BigInt(Math.max(0, content.length + to % 7 - 3)), 1 + size % 6),
      ...content,
    ]);
  },
  function within(bytes, { at, to, size, noise, other }) {
    const mutation = [...ofAnyBytes, ...ofMessages][to % (ofAnyBytes.length + ofMessages.length)]!;
    return changeField(bytes, at, ({ number, content }) => {
      const inner = mutation([...content], { at: size, to: at, size: to, noise, other });
      return [...varintBytes(BigInt(number << 3 | 2)), ...varintBytes(BigInt(inner.length)), ...inner];
    });
  },
];

/** About the ends of what fits into 31, 32, 53, 63 and 64 bits, and of protobuf's time. */
const interesting = [
  ...[0, 7, 14, 31, 32, 53, 63, 64].flatMap((bits) => [2n ** BigInt(bits), -(2n ** BigInt(bits))]),
  -62_135_596_800n,
  253_402_300_799n,
  999_999_999n,
];

function changeField(bytes: Bytes, at: number, change: (field: WireField) => Bytes): Bytes {
  return withFields(bytes, (fields) => {
    return fields.flatMap((field, i) => i === at % fields.length ? change(field) : whole(field));
  });
}

/** What is no message any more stays as it is. */
function withFields(bytes: Bytes, change: (fields: readonly WireField[]) => Bytes): Bytes {
  try {
    const fields = wireFields(Uint8Array.from(bytes));
    return fields.length > 0 ? change(fields) : bytes;
  } catch (error) {
    if (error instanceof RangeError) return bytes;
    throw error;
  }
}

function whole({ bytes }: WireField): Bytes {
  return [...bytes];
}
