/** What is known of an event once it is enriched, and the table of the columns that it is stored in. */
import type { Event } from "../../shared/event/event.ts";
import { eventTypes } from "../../shared/event/kinds.ts";
import { cutTo, printable } from "../../shared/runtime/printable.ts";
import type { ColumnOf } from "./column.ts";

/** An event with all that is known of it: what is stored and reported. */
export interface Enriched {
  readonly messageId: string;
  /** The id that its publisher sent, where that is another text, as {@linkcode printable} shows it. */
  readonly sentId: string | undefined;
  readonly event: Event;
  /** Given when the event has an amount. */
  readonly price: Price | undefined;
  /** Given when the player is known. */
  readonly player: Player | undefined;
  readonly description: string;
}

/** An event before its first step. Tests begin with it as well: a new fact is given its first value here alone. */
export function unenriched(messageId: string, event: Event, sentId?: string): Enriched {
  // Nearly none has another id. Postgres takes no NUL, which is no reason to refuse the event.
  const shownId = sentId === undefined ? undefined : printable(sentId, longestSentId);
  return { messageId, sentId: shownId, event, price: undefined, player: undefined, description: "" };
}

/** AMQP allows 255 bytes; a message that was passed on has its id in a header, of any length. */
const longestSentId = 255;

/** What an amount is worth in EUR, and by which rate. */
export interface Price {
  readonly eurCents: bigint;
  /** How much of the currency 1 EUR bought, in exact decimal digits, and when; `undefined` for amounts in EUR. */
  readonly rate: { readonly perEur: string; readonly asOfMs: number } | undefined;
}

/** What the casino's own table says of a player. */
export interface Player {
  /** Cut to {@linkcode longestEmail}; `undefined` when the table has none. */
  readonly email: string | undefined;
  readonly lastSignedInAt: Date | undefined;
}

/**
 * The longest e-mail that is kept, in UTF-16 code units; RFC 5321 allows 254. Every event of the player has it twice, in a column
 * and in the description: with 64 KiB a batch of 2,000 events would need half a GiB. A longer one is cut rather than its batch:
 * so results, rows, lines and pages are bounded as well, and every batch is one transaction still.
 */
const longestEmail = 1_000;

/**
 * Times as microseconds since 1970: they are read much faster than dates. A float8 of seconds tells them apart up to the year
 * 2106, and to a microsecond or so beyond. The casts keep a prepared statement good when the casino alters a column's type.
 */
export const playersQuery = `
  select id::bigint, left(email::text, ${longestEmail + 1}), round(date_part('epoch', last_signed_in_at) * 1e6)
  from players where id = any($1::bigint[])`;

/** @param row of {@linkcode playersQuery}, in Postgres's text form */
export function playerOf([, email, microseconds]: readonly (string | null)[]): Player {
  return {
    email: typeof email === "string" ? cutTo(email, longestEmail) : undefined,
    lastSignedInAt: microseconds ? dateOf(microseconds) : undefined,
  };
}

/** `undefined` for infinity, and for a time that no calendar has. */
function dateOf(microseconds: string): Date | undefined {
  return validDate(new Date(Math.floor(Number(microseconds) / 1000)));
}

/** From a time as Postgres writes it: its years have five digits and more, and are counted backwards before our era. */
function dateOfText(text: string): Date | undefined {
  const [, digits, rest, isBefore] = /^(\d+)(-.*Z)( BC)?$/.exec(text) ?? [];
  const year = isBefore ? 1 - Number(digits) : Number(digits);
  const sign = year < 0 ? "-" : "+";
  return validDate(new Date(`${sign}${String(Math.abs(year)).padStart(6, "0")}${rest}`));
}

function validDate(date: Date): Date | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date;
}

export type Column = ColumnOf<Enriched>;

/** Those of what came in the message: they alone tell whether two events are the same one. */
export const eventColumns: readonly Column[] = [
  { name: "event_id", type: "int8", nullable: false, of: ({ event }) => event.id, json: { key: "id" } },
  { name: "player_id", type: "int8", nullable: false, of: ({ event }) => event.playerId, json: { key: "player_id" } },
  {
    name: "game_id",
    type: "int8",
    nullable: true,
    of: ({ event }) => "gameId" in event ? event.gameId : undefined,
    json: { key: "game_id" },
  },
  {
    name: "type",
    type: "text",
    nullable: false,
    of: ({ event }) => event.type,
    json: { key: "type", schema: { enum: eventTypes } },
  },
  {
    name: "amount",
    type: "int8",
    nullable: true,
    of: ({ event }) => "amount" in event ? event.amount : undefined,
    json: { key: "amount", schema: { description: "In the currency's minor unit" } },
  },
  {
    name: "currency",
    type: "text",
    nullable: true,
    of: ({ event }) => "currency" in event ? event.currency : undefined,
    json: { key: "currency" },
  },
  {
    name: "has_won",
    type: "bool",
    nullable: true,
    of: ({ event }) => "hasWon" in event ? event.hasWon : undefined,
    json: { key: "has_won" },
  },
  {
    name: "created_at",
    type: "timestamptz",
    nullable: false,
    of: ({ event }) => event.createdAt,
    json: { key: "created_at" },
  },
];

/**
 * One entry for each column of the table `events`, in the order in which COPY and JSON write them. The COPY statement and its
 * rows, the JSON line, the OpenAPI schema and the check of the database's columns follow from it.
 */
export const columns: readonly Column[] = [
  {
    name: "message_id",
    type: "uuid",
    nullable: false,
    of: ({ messageId }) => messageId,
    json: { key: "message_id" },
  },
  ...eventColumns,
  { name: "rate", type: "numeric", nullable: true, of: ({ price }) => price?.rate, json: undefined },
  { name: "rates_as_of", type: "timestamptz", nullable: true, of: ({ price }) => price?.rate?.asOfMs, json: undefined },
  {
    name: "amount_eur",
    type: "int8",
    nullable: true,
    of: ({ price }) => price?.eurCents,
    json: { key: "amount_eur", schema: { description: "In cents" } },
  },
  {
    name: "player_email",
    type: "text",
    nullable: true,
    of: ({ player }) => player?.email,
    json: { key: "email", inside: "player" },
  },
  {
    name: "player_last_signed_in_at",
    type: "timestamptz",
    nullable: true,
    of: ({ player }) => player?.lastSignedInAt?.getTime(),
    json: { key: "last_signed_in_at", inside: "player" },
  },
  {
    name: "description",
    type: "text",
    nullable: false,
    of: ({ description }) => description,
    json: { key: "description" },
  },
  {
    name: "sent_id",
    type: "text",
    nullable: true,
    of: ({ sentId }) => sentId,
    json: { key: "sent_id", schema: { description: "The publisher's own message id, where that is another text" } },
  },
  { name: "subscriber_id", type: "text", nullable: false, of: (_, subscriberId) => subscriberId, json: undefined },
];

/** The facts that were found about an event when it was stored. */
export type FoundFacts = Omit<Enriched, "messageId" | "event">;

/** A row's texts by column; null is left out. */
export type Texts = ReadonlyMap<string, string>;

/** How each fact is read back from the columns that it is stored in. `deno check` refuses a fact that is forgotten. */
export const restored: { readonly [Fact in keyof FoundFacts]: (texts: Texts) => FoundFacts[Fact] } = {
  price(texts) {
    const [eurCents, perEur] = [texts.get("amount_eur"), texts.get("rate")];
    if (eurCents === undefined) return undefined;
    const rate = perEur === undefined ? undefined : { perEur, asOfMs: Date.parse(texts.get("rates_as_of") ?? "") };
    return { eurCents: BigInt(eurCents), rate };
  },
  // An event of a player of whom nothing was known is as one of a player who was not.
  player(texts) {
    const [email, signedInAt] = [texts.get("player_email"), texts.get("player_last_signed_in_at")];
    if (email === undefined && signedInAt === undefined) return undefined;
    return { ...playerOf([]), email, lastSignedInAt: signedInAt === undefined ? undefined : dateOfText(signedInAt) };
  },
  description: (texts) => texts.get("description") ?? "",
  sentId: (texts) => texts.get("sent_id"),
};
