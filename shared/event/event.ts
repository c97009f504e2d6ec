/** What a player did, and what makes such a statement valid. Knows no encoding and no I/O. */
import { isTimestamp, type Timestamp } from "./timestamp.ts";

export const eventTypes = ["game_start", "bet", "deposit", "game_stop"] as const;
export type EventType = (typeof eventTypes)[number];

interface Common {
  readonly id: bigint;
  readonly playerId: bigint;
  readonly createdAt: Timestamp;
}

export interface GameStart extends Common {
  readonly type: "game_start";
  readonly gameId: bigint;
}

export interface GameStop extends Common {
  readonly type: "game_stop";
  readonly gameId: bigint;
}

export interface Bet extends Common {
  readonly type: "bet";
  readonly gameId: bigint;
  /** In the currency's minor unit, 0 or more. */
  readonly amount: bigint;
  /** ISO 4217 or BTC. Any other text is valid here, and refused where it would have to be converted. */
  readonly currency: string;
  readonly hasWon: boolean;
}

export interface Deposit extends Common {
  readonly type: "deposit";
  /** In the currency's minor unit, 0 or more. */
  readonly amount: bigint;
  readonly currency: string;
}

/** All integers are those of a protobuf `int64`. */
export type Event = GameStart | Bet | Deposit | GameStop;

/** An event as an encoding gives it: every field there, zero or empty where it was left out. */
export interface Draft {
  readonly id: bigint;
  readonly playerId: bigint;
  readonly gameId: bigint;
  /** A number: one that this version does not know, as the encoding has it. `undefined`: the encoding named none. */
  readonly type: EventType | number | undefined;
  readonly amount: bigint;
  readonly currency: string;
  readonly hasWon: boolean;
  readonly createdAt: Timestamp | undefined;
}

/** What is wrong with one field, under its name in the schema. */
export interface Fault {
  readonly field: string;
  /** Completes the sentence that begins with the field's name: `is missing`. */
  readonly problem: string;
}

/** The event that the draft states, or all that is wrong with it. */
export function eventOf(draft: Draft): Event | Fault[] {
  const { id, playerId, gameId, type, amount, currency, hasWon, createdAt } = draft;
  const isMoney = type === "bet" || type === "deposit";
  if (
    id === 0n || playerId === 0n || typeof type !== "string" || createdAt === undefined || !isTimestamp(createdAt) ||
    (type === "deposit") !== (gameId === 0n) || isMoney !== (currency !== "") || amount < 0n ||
    !currency.isWellFormed() || (!isMoney && amount !== 0n) || (hasWon && type !== "bet")
  ) {
    return faultsOf(draft);
  }
  switch (type) {
    case "bet":
      return { type, id, playerId, gameId, amount, currency, hasWon, createdAt };
    case "deposit":
      return { type, id, playerId, amount, currency, createdAt };
    default:
      return { type, id, playerId, gameId, createdAt };
  }
}

/** One sentence that names every field at fault. */
export function describeFaults(faults: readonly Fault[]): string {
  return faults.map(({ field, problem }) => `${field} ${problem}`).join("; ");
}

/** Kept apart from the check above, which runs for every event and allocates nothing. */
function faultsOf({ id, playerId, gameId, type, amount, currency, hasWon, createdAt }: Draft): Fault[] {
  const faults: Fault[] = [];
  const fault = (field: string, problem: string) => faults.push({ field, problem });
  if (id === 0n) fault("id", "is missing");
  if (playerId === 0n) fault("player_id", "is missing");
  if (type === undefined) fault("type", "is missing");
  else if (typeof type === "number") fault("type", `= ${type} is unknown to this version`);
  if (createdAt === undefined) fault("created_at", "is missing");
  else if (!isTimestamp(createdAt)) {
    fault("created_at", `is out of range (${createdAt.seconds} s, ${createdAt.nanos} ns)`);
  }
  if (amount < 0n) fault("amount", `= ${amount} must be 0 or more`);
  if (!currency.isWellFormed()) fault("currency", "holds half of a surrogate pair");
  if (typeof type !== "string") return faults;

  const isMoney = type === "bet" || type === "deposit";
  const stray = `does not apply to a ${type}`;
  if (type === "deposit" && gameId !== 0n) fault("game_id", stray);
  if (type !== "deposit" && gameId === 0n) fault("game_id", "is missing");
  if (isMoney && currency === "") fault("currency", "is missing");
  if (!isMoney && currency !== "") fault("currency", stray);
  if (!isMoney && amount > 0n) fault("amount", stray);
  if (type !== "bet" && hasWon) fault("has_won", stray);
  return faults;
}
