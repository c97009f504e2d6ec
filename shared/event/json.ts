/** Events as JSON, for log lines, HTTP, and NDJSON input and output. */
import { type Draft, type Event, eventOf, type Fault } from "./event.ts";
import { type EventType, eventTypes, kinds } from "./kinds.ts";
import { repeatedKeys } from "./repeated_keys.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

/** A 64-bit integer: a number while it is a safe integer, a decimal string beyond. */
export type JsonInteger = number | string;

/** The keys in the order in which they are written. Keys that do not apply to the kind are left out. */
export interface EventJson {
  id: JsonInteger;
  player_id: JsonInteger;
  game_id?: JsonInteger;
  type: EventType;
  amount?: JsonInteger;
  currency?: string;
  has_won?: boolean;
  created_at: string;
}

/** Keys that enrichment adds to {@linkcode EventJson}; ignored on input, because they are not part of the event. */
const enrichedKeys = ["amount_eur", "player", "description", "sent_id"];
const eventKeys = ["id", "player_id", "game_id", "type", "amount", "currency", "has_won", "created_at"];
const knownKeys = new Set([...eventKeys, ...enrichedKeys]);

const [int64Min, int64Max] = [-(2n ** 63n), 2n ** 63n - 1n];

export function eventToJson(event: Event): EventJson {
  return {
    id: jsonInteger(event.id),
    player_id: jsonInteger(event.playerId),
    ...("gameId" in event && { game_id: jsonInteger(event.gameId) }),
    type: event.type,
    ...("amount" in event && { amount: jsonInteger(event.amount), currency: event.currency }),
    ...("hasWon" in event && { has_won: event.hasWon }),
    created_at: formatTimestamp(event.createdAt),
  };
}

export function jsonInteger(value: bigint): JsonInteger {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/**
 * Returns the event in a line of NDJSON, or its faults. The fault's field is `line` when the line is not a JSON object.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const line = '{"id":1,"player_id":10,"game_id":100,"type":"game_start","created_at":"2022-01-10T12:34:00Z"}';
 * const event = parseEventJson(line);
 * if (!Array.isArray(event)) deepStrictEqual(JSON.stringify(eventToJson(event)), line);
 * deepStrictEqual(parseEventJson("[]"), [{ field: "line", problem: "is not a JSON object" }]);
 * ```
 */
export function parseEventJson(line: string): Event | Fault[] {
  let value: unknown;
  try {
    value = JSON.parse(line, exactNumbers);
  } catch (error) {
    return [{ field: "line", problem: `is not JSON: ${(error as Error).message}` }];
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ field: "line", problem: "is not a JSON object" }];
  }
  const repeated = repeatedKeys(line, Object.keys(value).length);
  if (repeated.length > 0) return repeated.map((key) => ({ field: fieldOf(key), problem: "is there more than once" }));
  return eventOfFields(value as Readonly<Record<string, unknown>>);
}

/** A number that is not written as an integer of at most 19 digits, such as `5.0` or `1e3`. */
class OtherNumber {
  constructor(readonly source: string) {}
}

/** Converts integers to `bigint` from their source text: `JSON.parse` rounds them to doubles. */
function exactNumbers(_key: string, value: unknown, context?: { source: string }): unknown {
  if (typeof value !== "number") return value;
  const source = context?.source ?? String(value);
  // Bounded: the time of BigInt() grows faster than the number of digits.
  return /^-?\d{1,19}$/.test(source) ? BigInt(source) : new OtherNumber(source);
}

function eventOfFields(object: Readonly<Record<string, unknown>>): Event | Fault[] {
  // A field that is null counts as missing.
  const fields = new Map(Object.entries(object).filter(([, value]) => value !== null));
  const faults: Fault[] = [];
  const wrong = (field: string, right: string) => {
    faults.push({ field, problem: `= ${shown(fields.get(field))} must be ${right}` });
  };
  const integer = (field: string): bigint => {
    const value = fields.get(field) ?? 0n;
    if (typeof value === "bigint" && value >= int64Min && value <= int64Max) return value;
    if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) {
      const exact = BigInt(value);
      if (exact >= int64Min && exact <= int64Max) return exact;
    }
    wrong(field, "a 64-bit integer, as a number or a decimal string");
    return 1n;
  };

  for (const key of Object.keys(object)) {
    if (knownKeys.has(key)) continue;
    faults.push({
      field: fieldOf(key),
      problem: `is unknown; the keys are ${eventKeys.join(", ")}`,
    });
  }
  const kind = kinds.find(({ type }) => type === fields.get("type"));
  if (!kind && fields.has("type")) wrong("type", `one of ${eventTypes.join(", ")}`);
  const currency = fields.get("currency") ?? "";
  if (typeof currency !== "string") wrong("currency", "text");
  const hasWon = fields.get("has_won") ?? false;
  if (typeof hasWon !== "boolean") wrong("has_won", "true or false");
  const text = fields.get("created_at");
  const createdAt = typeof text === "string" ? parseTimestamp(text) : undefined;
  if (text !== undefined && !createdAt) wrong("created_at", 'an RFC 3339 time, such as "2022-01-10T12:34:00Z"');
  if (kind?.hasMoney && !fields.has("amount")) faults.push({ field: "amount", problem: "is missing" });
  const draft: Draft = {
    id: integer("id"),
    playerId: integer("player_id"),
    gameId: integer("game_id"),
    kind,
    amount: integer("amount"),
    currency: typeof currency === "string" ? currency : "",
    hasWon: hasWon === true,
    createdAt,
  };
  const event = eventOf(draft);
  if (!Array.isArray(event)) return faults.length > 0 ? faults : event;
  const named = new Set(faults.map(({ field }) => field));
  return [...faults, ...event.filter(({ field }) => !named.has(field))];
}

/** Returns the key as a fault's field name. */
function fieldOf(key: string): string {
  return /^\w{1,60}$/.test(key) ? key : shown(key);
}

/** Does not print arrays and objects: they may have any size and depth. */
function shown(value: unknown): string {
  if (value instanceof OtherNumber) return excerpt(value.source);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? JSON.stringify(excerpt(value)) : String(value);
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
