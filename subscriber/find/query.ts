/** Parses a search from the flags of a command or the query of a URL. */
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";

export type FindQuery = ById | ByPlayer;

export interface ById {
  /** The given text: a publisher may have sent it as its id. */
  readonly text: string;
  /** The text as a message id, and as an event id, if it is one. */
  readonly messageId: string | undefined;
  readonly eventId: bigint | undefined;
}

/** A player's events around a time. */
export interface ByPlayer {
  readonly playerId: bigint;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly withinMs: number;
}

export interface FindWords {
  readonly id?: string | undefined;
  readonly player?: string | undefined;
  readonly at?: string | undefined;
  readonly within?: string | undefined;
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const withinMs = 5 * unitMs.m;
const mostWithinMs = 24 * unitMs.h;
/** Postgres reads years 1 to 9999. This range leaves room for `within` on either side. */
const [firstMs, lastMs] = [Date.parse("0001-01-02T00:00:00Z"), Date.parse("9999-12-30T23:59:59Z")];
/** A stored publisher's id has at most this many characters. */
const longestId = 400;

/**
 * @throws {RangeError} for a value that cannot be parsed
 *
 * @example
 * ```ts
 * import { deepStrictEqual, throws } from "node:assert/strict";
 *
 * deepStrictEqual(parseFind({ id: "12345" }), { text: "12345", messageId: undefined, eventId: 12345n });
 * const atMs = Date.UTC(2022, 1, 2, 12, 34);
 * deepStrictEqual(parseFind({ player: "11", at: "2022-02-02T12:34" }), { playerId: 11n, atMs, withinMs: 300_000 });
 * throws(() => parseFind({ player: "11" }), /give the time of the player/);
 * ```
 */
export function parseFind({ id, player, at, within }: FindWords): FindQuery {
  if (id !== undefined) {
    if (player !== undefined || at !== undefined || within !== undefined) {
      throw new RangeError("give either an id or a player and a time, not both");
    }
    return parseId(id.trim());
  }
  if (player === undefined) throw new RangeError("give an id, or a player and a time");
  if (at === undefined) throw new RangeError("give the time of the player's event, such as 2022-02-02T12:34");
  const playerId = parseInteger(player);
  if (playerId === undefined) throw new RangeError(`the player ${shown(player)} must be a whole number of 64 bits`);
  return { playerId, atMs: parseTime(at), withinMs: within === undefined ? withinMs : parseWithin(within) };
}

function parseId(text: string): ById {
  if (text === "") {
    throw new RangeError("give an event id, a message id, or the id that the publisher sent");
  }
  if (text.length > longestId) {
    throw new RangeError(`the id has ${text.length} characters; the limit is ${longestId}`);
  }
  return { text, messageId: parseMessageId(text), eventId: parseInteger(text) };
}

function parseInteger(text: string): bigint | undefined {
  const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value === BigInt.asIntN(64, value) ? value : undefined;
}

/** Parses a time. A time without a zone is in UTC. */
function parseTime(text: string): number {
  const [, date, time = "00:00", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text.trim()) ?? [];
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (ms >= firstMs && ms <= lastMs) return ms;
  throw new RangeError(`${shown(text)} must be a time such as 2022-02-02T12:34, in UTC unless it has a zone`);
}

function parseWithin(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  const ms = Number(amount) * unitMs[unit as keyof typeof unitMs];
  if (!(ms > 0 && ms <= mostWithinMs)) {
    throw new RangeError(`${shown(text)} must be a duration such as 90s, 5m or 2h, at most 24h`);
  }
  return ms;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
