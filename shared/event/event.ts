/** Events and their validity rules. Knows no encoding and no I/O. */
import type { EventKind, EventType, TypesWith } from "./kinds.ts";
import { isTimestamp, type Timestamp } from "./timestamp.ts";

/** All integers are those of a protobuf `int64`. */
interface Common<Type> {
  readonly type: Type;
  readonly id: bigint;
  readonly playerId: bigint;
  readonly createdAt: Timestamp;
}

interface Game {
  readonly gameId: bigint;
}

interface Money {
  /** In the currency's minor unit, 0 or more. */
  readonly amount: bigint;
  /** ISO 4217 or BTC. Any other text is valid here and is rejected when the amount is converted. */
  readonly currency: string;
}

interface Outcome {
  readonly hasWon: boolean;
}

/** An event of one type, with the fields that {@linkcode kinds} gives it. */
export type EventOf<Type extends EventType> =
  & Common<Type>
  & (Type extends TypesWith<"hasGame"> ? Game : unknown)
  & (Type extends TypesWith<"hasMoney"> ? Money : unknown)
  & (Type extends TypesWith<"hasOutcome"> ? Outcome : unknown);

export type Event = { [Type in EventType]: EventOf<Type> }[EventType];

/** A decoded event before validation: a missing field is zero or empty. */
export interface Draft {
  readonly id: bigint;
  readonly playerId: bigint;
  readonly gameId: bigint;
  /** A number is the wire number of a kind that this version does not know. `undefined`: the encoding has no kind. */
  readonly kind: EventKind | number | undefined;
  readonly amount: bigint;
  readonly currency: string;
  readonly hasWon: boolean;
  readonly createdAt: Timestamp | undefined;
}

/** A problem with one field, under the field's name in the schema. */
export interface Fault {
  readonly field: string;
  /** Completes the sentence that begins with the field's name: `is missing`. */
  readonly problem: string;
}

/** Returns the draft as an event, or all its faults. */
export function eventOf(draft: Draft): Event | Fault[] {
  const { id, playerId, gameId, kind, amount, currency, hasWon, createdAt } = draft;
  if (
    id === 0n || playerId === 0n || typeof kind !== "object" || createdAt === undefined || !isTimestamp(createdAt) ||
    kind.hasGame === (gameId === 0n) || kind.hasMoney === (currency === "") || amount < 0n ||
    !currency.isWellFormed() || (amount !== 0n && !kind.hasMoney) || (hasWon && !kind.hasOutcome)
  ) {
    return faultsOf(draft);
  }
  if (kind.hasOutcome) return { type: kind.type, id, playerId, gameId, amount, currency, hasWon, createdAt };
  if (kind.hasMoney) return { type: kind.type, id, playerId, amount, currency, createdAt };
  return { type: kind.type, id, playerId, gameId, createdAt };
}

/** Returns one sentence that names every faulty field. */
export function describeFaults(faults: readonly Fault[]): string {
  return faults.map(({ field, problem }) => `${field} ${problem}`).join("; ");
}

/** Separate from the check in {@linkcode eventOf}, which runs for every event and allocates nothing. */
function faultsOf({ id, playerId, gameId, kind, amount, currency, hasWon, createdAt }: Draft): Fault[] {
  const faults: Fault[] = [];
  const fault = (field: string, problem: string) => faults.push({ field, problem });
  if (id === 0n) fault("id", "is missing");
  if (playerId === 0n) fault("player_id", "is missing");
  if (kind === undefined) fault("type", "is missing");
  else if (typeof kind === "number") fault("type", `= ${kind} is unknown to this version`);
  if (createdAt === undefined) fault("created_at", "is missing");
  else if (!isTimestamp(createdAt)) {
    fault("created_at", `is out of range (${createdAt.seconds} s, ${createdAt.nanos} ns)`);
  }
  if (amount < 0n) fault("amount", `= ${amount} must be 0 or more`);
  if (!currency.isWellFormed()) fault("currency", "holds half of a surrogate pair");
  if (typeof kind !== "object") return faults;

  const stray = `does not apply to a ${kind.type}`;
  if (gameId !== 0n && !kind.hasGame) fault("game_id", stray);
  if (gameId === 0n && kind.hasGame) fault("game_id", "is missing");
  if (currency === "" && kind.hasMoney) fault("currency", "is missing");
  if (currency !== "" && !kind.hasMoney) fault("currency", stray);
  if (amount > 0n && !kind.hasMoney) fault("amount", stray);
  if (hasWon && !kind.hasOutcome) fault("has_won", stray);
  return faults;
}
