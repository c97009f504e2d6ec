/** Events as protobuf: `casino.events.v1.Event` in proto/casino/events/v1/event.proto. */
import Long from "long";
import protobuf from "protobufjs/minimal.js";
import { type Draft, type Event, eventOf, type Fault } from "./event.ts";
import { casino } from "./generated/protobuf.js";
import { kindOf } from "./kinds.ts";
import { kindsByWireNumber, readPlain } from "./plain_protobuf.ts";

const Message = casino.events.v1.Event;
/** The body is not a protobuf message of the expected type. */
export class UndecodableError extends Error {
  override readonly name = "UndecodableError";
}

/**
 * Returns the event in `body`, or the faults of its fields. An empty body is a message without fields.
 * @throws {UndecodableError}
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import type { Event } from "./event.ts";
 *
 * const createdAt = { seconds: 1_641_818_040, nanos: 0 };
 * const event: Event = { type: "game_start", id: 1n, playerId: 10n, gameId: 100n, createdAt };
 * deepStrictEqual(decodeEvent(encodeEvent(event)), event);
 * ```
 */
export function decodeEvent(body: Uint8Array): Event | Fault[] {
  return decodeEventAt(body, 0, body.length);
}

/** Decodes the body between `start` and `end` without a view of it. @throws {UndecodableError} */
export function decodeEventAt(bytes: Uint8Array, start: number, end: number): Event | Fault[] {
  return eventOf(readPlain(bytes, start, end) ?? read(bytes.subarray(start, end)));
}

/**
 * Returns the fields in the body, valid or not.
 * @throws {UndecodableError}
 */
export function decodeDraft(body: Uint8Array): Draft {
  const plain = readPlain(body, 0, body.length);
  return plain ? { ...plain } : read(body);
}

/** @throws {UndecodableError} */
function read(body: Uint8Array): Draft {
  const message = decodeMessage(body);
  const { createdAt } = message;
  return {
    id: bigIntOf(message.id),
    playerId: bigIntOf(message.playerId),
    gameId: bigIntOf(message.gameId),
    // Zero means missing. Any other unknown number comes from a later version.
    kind: kindsByWireNumber[message.type] ?? (message.type || undefined),
    amount: bigIntOf(message.amount),
    currency: message.currency,
    hasWon: message.hasWon,
    createdAt: createdAt
      ? { seconds: Number(bigIntOf(createdAt.seconds ?? Long.ZERO)), nanos: createdAt.nanos ?? 0 }
      : undefined,
  };
}

export function encodeEvent(event: Event): Uint8Array {
  return Message.encode({
    id: longOf(event.id),
    playerId: longOf(event.playerId),
    gameId: "gameId" in event ? longOf(event.gameId) : null,
    type: kindOf(event.type).wireNumber,
    amount: "amount" in event ? longOf(event.amount) : null,
    currency: "amount" in event ? event.currency : null,
    hasWon: "hasWon" in event ? event.hasWon : null,
    createdAt: { seconds: Long.fromNumber(event.createdAt.seconds), nanos: event.createdAt.nanos },
  }).finish();
}

function decodeMessage(body: Uint8Array): casino.events.v1.Event {
  try {
    const reader = protobuf.Reader.create(body);
    reader.discardUnknown = true;
    return Message.decode(reader);
  } catch (error) {
    throw new UndecodableError(`${body.length} bytes are not a casino.events.v1.Event: ${(error as Error).message}`);
  }
}

function bigIntOf({ low, high }: Long): bigint {
  return high === 0 ? BigInt(low >>> 0) : (BigInt(high) << 32n) | BigInt(low >>> 0);
}

function longOf(value: bigint): Long {
  return Long.fromBits(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}
