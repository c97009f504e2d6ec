/**
 * The kinds of events, one entry each. Codec, checks, JSON, generator, description, totals, page and API read what they need
 * from here. A new kind is an entry here, a value in event.proto, and a wider check of events.type in a migration.
 */

/** What the sentence of an event is made of; empty where it does not apply to the kind. */
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
  /** Its name in JSON, in the database and, in upper case, in event.proto. */
  readonly type: string;
  /** Of `EventType` in event.proto; for good. */
  readonly wireNumber: number;
  /** One word for the dashboard, which adds an s to name several: choose one whose plural ends so. */
  readonly label: string;
  readonly sentence: (phrases: Phrases) => string;
  /** How often it is among generated events, beside the other kinds. */
  readonly weight: number;
}

interface Money {
  /** To which of the player's totals the event adds, if to any. */
  readonly addsTo: "bets" | "deposits" | undefined;
  /** Least and most of what is generated, in whole units of a currency such as EUR: the generator scales BTC and JPY. */
  readonly usualAmounts: readonly [least: number, most: number];
}

/** Another combination of fields needs a literal of its own in `eventOf` and in the generator; the compiler says so. */
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

/** The types of those kinds that have the field. */
export type TypesWith<Field extends "hasGame" | "hasMoney" | "hasOutcome"> = Extract<
  EventKind,
  { readonly [Each in Field]: true }
>["type"];

/** A map finds it in half the time that an object's keys take. */
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
