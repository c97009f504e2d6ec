/**
 * Reads an event with a plain encoding straight into a draft. protobufjs would first make a message, four `Long`s and a
 * timestamp, which is half the time of decoding and leaves garbage. protobufjs decodes every other encoding.
 */
import type { Draft } from "./event.ts";
import { type EventKind, kinds } from "./kinds.ts";

/** protobuf_test.ts compares the numbers with the schema. */
export const kindsByWireNumber: readonly (EventKind | undefined)[] = Array.from(
  { length: 1 + Math.max(...kinds.map(({ wireNumber }) => wireNumber)) },
  (_, number) => kinds.find(({ wireNumber }) => wireNumber === number),
);

/** The byte before each field's value: the field's number and wire type (protobuf.dev, "Encoding"). */
const tag = {
  id: 1 << 3,
  playerId: 2 << 3,
  gameId: 3 << 3,
  type: 4 << 3,
  amount: 5 << 3,
  currency: 6 << 3 | 2,
  hasWon: 7 << 3,
  createdAt: 8 << 3 | 2,
  seconds: 1 << 3,
  nanos: 2 << 3,
} as const;

/** Seven bytes hold 49 bits, which a double represents exactly. A negative number takes ten. */
const mostVarintBytes = 7;
const int32Max = 2 ** 31 - 1;
const currencyLength = 3;
/** Cache of currency codes by their three bytes as one number; as many entries as rates may have. */
const currencies = new Map<number, string>();
const mostCurrencies = 1_000;

/** Read position, and whether the bytes are plain so far. Module state: a reader object per event is garbage. */
let at = 0;
let isPlain = true;

/** Returned for every event: an object for each is garbage. */
const draft: { -readonly [Field in keyof Draft]: Draft[Field] } = {
  ...{ id: 0n, playerId: 0n, gameId: 0n, kind: undefined, amount: 0n, currency: "", hasWon: false },
  createdAt: undefined,
};

/**
 * Reads the event between `start` and `end`.
 * @returns a draft that is valid until the next call; `undefined` for an encoding that is not plain, valid or not
 */
export function readPlain(bytes: Uint8Array, start: number, end: number): Draft | undefined {
  let [id, playerId, gameId, type, amount, hasWon, seconds, nanos] = [0, 0, 0, 0, 0, 0, 0, 0];
  let currency = "";
  let hasCreatedAt = false;
  at = start;
  isPlain = true;
  while (at < end && isPlain) {
    switch (bytes[at++]) {
      case tag.id:
        id = varint(bytes);
        break;
      case tag.playerId:
        playerId = varint(bytes);
        break;
      case tag.gameId:
        gameId = varint(bytes);
        break;
      case tag.type:
        type = varint(bytes);
        break;
      case tag.amount:
        amount = varint(bytes);
        break;
      case tag.currency:
        currency = currencyCode(bytes, end);
        break;
      case tag.hasWon:
        hasWon = varint(bytes);
        break;
      case tag.createdAt: {
        // Protobuf merges repeated messages; protobufjs does that.
        if (hasCreatedAt) return undefined;
        hasCreatedAt = true;
        const timeEnd = bytes[at]! + at + 1;
        if (!(timeEnd <= end)) return undefined;
        at++;
        while (at < timeEnd && isPlain) {
          switch (bytes[at++]) {
            case tag.seconds:
              seconds = varint(bytes);
              break;
            case tag.nanos:
              nanos = varint(bytes);
              break;
            default:
              return undefined;
          }
        }
        if (at !== timeEnd) return undefined;
        break;
      }
      default:
        return undefined;
    }
  }
  if (!isPlain || at !== end || type > int32Max || nanos > int32Max) return undefined;
  draft.id = BigInt(id);
  draft.playerId = BigInt(playerId);
  draft.gameId = BigInt(gameId);
  // Zero means missing. Any other unknown number comes from a later version.
  draft.kind = kindsByWireNumber[type] ?? (type || undefined);
  draft.amount = BigInt(amount);
  draft.currency = currency;
  draft.hasWon = hasWon !== 0;
  draft.createdAt = hasCreatedAt ? { seconds, nanos } : undefined;
  return draft;
}

function varint(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0, unit = 1; i < mostVarintBytes; i++, unit *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) break;
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value;
  }
  isPlain = false;
  return 0;
}

function currencyCode(bytes: Uint8Array, end: number): string {
  const [length, a, b, c] = [bytes[at], bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
  if (length !== currencyLength || at + currencyLength >= end || (a | b | c) >= 0x80) {
    isPlain = false;
    return "";
  }
  at += 1 + currencyLength;
  const code = a << 16 | b << 8 | c;
  let currency = currencies.get(code);
  if (currency === undefined) {
    currency = String.fromCharCode(a, b, c);
    if (currencies.size < mostCurrencies) currencies.set(code, currency);
  }
  return currency;
}
