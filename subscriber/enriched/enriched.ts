/** An enriched event, and the table of its columns. */
import type { Event } from "../../shared/event/event.ts";
import { eventTypes } from "../../shared/event/kinds.ts";
import { cutTo, printable } from "../../shared/runtime/printable.ts";
import type { ColumnOf } from "./column.ts";

/** An event with its facts, as it is stored and reported. */
export interface Enriched {
  readonly messageId: string;
  /** The publisher's id as {@linkcode printable} shows it; given when its text differs from `messageId`. */
  readonly sentId: string | undefined;
  readonly event: Event;
  /** Given when the event has an amount. */
  readonly price: Price | undefined;
  /** Given when the player is known. */
  readonly player: Player | undefined;
  readonly description: string;
}

/** Returns an event before its first step. Tests use it too: a new fact gets its initial value only here. */
export function unenriched(messageId: string, event: Event, sentId?: string): Enriched {
  // Few events have another id. printable() escapes NUL, which Postgres cannot store.
  const shownId = sentId === undefined ? undefined : printable(sentId, longestSentId);
  return { messageId, sentId: shownId, event, price: undefined, player: undefined, description: "" };
}

/** AMQP allows 255 bytes. A forwarded message has its id in a header, of any length. */
const longestSentId = 255;

/** An amount in EUR, and its rate. */
export interface Price {
  readonly eurCents: bigint;
  /**
   * How much of the currency 1 EUR bought, in exact decimal digits, and the rate's time; `undefined` for amounts in
   * EUR.
   */
  readonly rate: { readonly perEur: string; readonly asOfMs: number } | undefined;
}

/** A player in the casino's own table. */
export interface Player {
  /** Cut to {@linkcode longestEmail}; `undefined` when the table has none. */
  readonly email: string | undefined;
  /** Milliseconds since 1970: a Date for each player of each batch is garbage. */
  readonly lastSignedInMs: number | undefined;
}

/**
 * Longer e-mails are cut, in UTF-16 code units; RFC 5321 allows 254. Each event of the player contains the e-mail
 * twice, in a column and in the description: with 64 KiB, a batch of 2,000 events would need half a GiB. Cutting the
 * e-mail also bounds query results, rows, lines and pages, and keeps each batch in one transaction.
 */
const longestEmail = 1_000;

/**
 * Returns times in microseconds since 1970, which are parsed much faster than dates. A float8 of seconds is exact to
 * the microsecond up to the year 2106, and to about a microsecond after that. The casts keep a prepared statement valid
 * when the casino alters a column's type.
 */
export const playersQuery = `
  select id::bigint, left(email::text, ${longestEmail + 1}), round(date_part('epoch', last_signed_in_at) * 1e6)
  from players where id = any($1::bigint[])`;

/** @param row of {@linkcode playersQuery}, in Postgres's text form */
export function playerOf([, email, microseconds]: readonly (string | null)[]): Player {
  return {
    email: typeof email === "string" ? cutTo(email, longestEmail) : undefined,
    lastSignedInMs: microseconds ? validMs(Math.floor(Number(microseconds) / 1000)) : undefined,
  };
}

/** Parses a time as Postgres writes it: years may have five or more digits, or end in BC. */
function msOfText(text: string): number | undefined {
  const [, digits, rest, isBefore] = /^(\d+)(-.*Z)( BC)?$/.exec(text) ?? [];
  const year = isBefore ? 1 - Number(digits) : Number(digits);
  const sign = year < 0 ? "-" : "+";
  return validMs(Date.parse(`${sign}${String(Math.abs(year)).padStart(6, "0")}${rest}`));
}

/** The range of Date: ECMAScript, "Time Values and Time Range". */
const mostMs = 8.64e15;

/** Returns `undefined` for infinity, NaN, and a time beyond the range of Date. */
function validMs(ms: number): number | undefined {
  return Math.abs(ms) <= mostMs ? ms : undefined;
}

export type Column = ColumnOf<Enriched>;

/** The columns with values from the message. Only these decide whether two events are the same. */
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
 * One entry for each column of the table `events`, in the order of COPY and JSON. The COPY statement and its rows, the
 * JSON line, the OpenAPI schema and the check of the database's columns are derived from this table.
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
    of: ({ player }) => player?.lastSignedInMs,
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
    json: { key: "sent_id", schema: { description: "The message id that the publisher sent, if it differs" } },
  },
  { name: "subscriber_id", type: "text", nullable: false, of: (_, subscriberId) => subscriberId, json: undefined },
];

/** The facts that enrichment added to an event. */
export type FoundFacts = Omit<Enriched, "messageId" | "event">;

/** A row's texts by column, without nulls. */
export type Texts = ReadonlyMap<string, string>;

/** Reads each fact from its columns. `deno check` fails when a fact is missing here. */
export const restored: { readonly [Fact in keyof FoundFacts]: (texts: Texts) => FoundFacts[Fact] } = {
  price(texts) {
    const [eurCents, perEur] = [texts.get("amount_eur"), texts.get("rate")];
    if (eurCents === undefined) return undefined;
    const rate = perEur === undefined ? undefined : { perEur, asOfMs: Date.parse(texts.get("rates_as_of") ?? "") };
    return { eurCents: BigInt(eurCents), rate };
  },
  // A known player without any data reads back as an unknown player.
  player(texts) {
    const [email, signedInAt] = [texts.get("player_email"), texts.get("player_last_signed_in_at")];
    if (email === undefined && signedInAt === undefined) return undefined;
    return { ...playerOf([]), email, lastSignedInMs: signedInAt === undefined ? undefined : msOfText(signedInAt) };
  },
  description: (texts) => texts.get("description") ?? "",
  sentId: (texts) => texts.get("sent_id"),
};
