/**
 * The kinds of events, one entry each. Codec, checks, JSON, generator, description, totals, page and API read this
 * table. A new kind needs an entry here, a value in event.proto, and a migration that extends the check of events.type.
 */

/** The parts of an event's description. Parts that do not apply to the kind are empty. */
export interface Phrases {
  /** `Player #11 (john@example.com)` */
  readonly player: string;
  /** `a game "Wild Spin"` */
  readonly game: string;
  /** `5 USD (4.68 EUR)` */
  readonly money: string;
  readonly hasWon: boolean;
  /** `February 2nd, 2022 at 23:45 UTC` */
  readonly time: string;
}

interface Common {
  /** The kind's name in JSON, in the database and, in upper case, in event.proto. */
  readonly type: string;
  /** The number in `EventType` of event.proto; never changes. */
  readonly wireNumber: number;
  /** One word for the dashboard, which forms the plural by adding an s. */
  readonly label: string;
  readonly sentence: (phrases: Phrases) => string;
  /** Relative frequency among generated events. */
  readonly weight: number;
}

interface Money {
  /** The player's total that the event adds to, if any. */
  readonly addsTo: "bets" | "deposits" | undefined;
  /** Range of generated amounts, in whole units of a currency such as EUR. The generator scales BTC and JPY. */
  readonly usualAmounts: readonly [least: number, most: number];
}

/** A new combination of fields needs a new literal in `eventOf` and in the generator; the compiler enforces this. */
type Kind =
  | Common & { readonly hasGame: true; readonly hasMoney: false; readonly hasOutcome: false }
  | Common & Money & { readonly hasGame: false; readonly hasMoney: true; readonly hasOutcome: false }
  | Common & Money & { readonly hasGame: true; readonly hasMoney: true; readonly hasOutcome: true };

export const kinds = [
  {
    type: "game_start",
    wireNumber: 1,
    hasGame: true,
    hasMoney: false,
    hasOutcome: false,
    label: "start",
    weight: 1,
    sentence: ({ player, game, time }) => `${player} started playing ${game} on ${time}.`,
  },
  {
    type: "bet",
    wireNumber: 2,
    hasGame: true,
    hasMoney: true,
    hasOutcome: true,
    label: "bet",
    weight: 5,
    addsTo: "bets",
    usualAmounts: [1, 500],
    sentence: ({ player, money, game, time, hasWon }) =>
      `${player} placed a bet of ${money} on ${game} on ${time}${hasWon ? " and won" : ""}.`,
  },
  {
    type: "deposit",
    wireNumber: 3,
    hasGame: false,
    hasMoney: true,
    hasOutcome: false,
    label: "deposit",
    weight: 2,
    addsTo: "deposits",
    usualAmounts: [10, 2_000],
    sentence: ({ player, money, time }) => `${player} made a deposit of ${money} on ${time}.`,
  },
  {
    type: "game_stop",
    wireNumber: 4,
    hasGame: true,
    hasMoney: false,
    hasOutcome: false,
    label: "stop",
    weight: 1,
    sentence: ({ player, game, time }) => `${player} stopped playing ${game} on ${time}.`,
  },
] as const satisfies readonly Kind[];

export type EventKind = (typeof kinds)[number];
export type EventType = EventKind["type"];
export const eventTypes: readonly EventType[] = kinds.map(({ type }) => type);

/** The types of the kinds that have the field. */
export type TypesWith<Field extends "hasGame" | "hasMoney" | "hasOutcome"> = Extract<
  EventKind,
  { readonly [Each in Field]: true }
>["type"];

/** A Map lookup takes half the time of an object's. */
const kindsByType: ReadonlyMap<EventType, EventKind> = new Map(kinds.map((kind) => [kind.type, kind]));

/**
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(kindOf("deposit").hasMoney, true);
 * strictEqual(kindOf("deposit").hasGame, false);
 * ```
 */
export function kindOf(type: EventType): EventKind {
  return kindsByType.get(type)!;
}
