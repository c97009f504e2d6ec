/** An operator's changes to the events of dead letters, by the keys of their JSON. */
import { describeFaults, type Draft, type Event } from "./event.ts";
import { jsonInteger, parseEventJson } from "./json.ts";
import { decodeDraft, UndecodableError } from "./protobuf.ts";
import { formatTimestamp, isTimestamp } from "./timestamp.ts";

/** Replaces the event or sets fields. An empty value removes a field; in `where` it matches a missing field. */
export type Change =
  | { readonly json: string }
  | { readonly set: readonly Assignment[]; readonly where?: readonly Assignment[] };

export interface Assignment {
  readonly key: string;
  readonly value: string;
}

/** The changed event, or why the change cannot be applied. */
export type Changed =
  | { readonly before: string; readonly event: Event }
  | { readonly before: string | undefined; readonly problem: string };

/** The keys that may be set or compared. An enriched event's other keys, such as `player`, may not. */
const keys = ["id", "player_id", "game_id", "type", "amount", "currency", "has_won", "created_at"];

/**
 * @example
 * ```ts
 * import { deepStrictEqual, throws } from "node:assert/strict";
 *
 * deepStrictEqual(parseAssignment("currency=EUR"), { key: "currency", value: "EUR" });
 * deepStrictEqual(parseAssignment("currency="), { key: "currency", value: "" });
 * throws(() => parseAssignment("curency=EUR"), RangeError);
 * ```
 * @throws {RangeError} with a message for the operator
 */
export function parseAssignment(text: string): Assignment {
  const at = text.indexOf("=");
  const key = text.slice(0, Math.max(0, at));
  if (!keys.includes(key)) {
    throw new RangeError(
      `"${text.slice(0, 60)}" is no assignment such as currency=EUR; the keys are ${keys.join(", ")}`,
    );
  }
  return { key, value: text.slice(at + 1) };
}

/** Rejects NUL: no event contains it, and Postgres cannot store it in a job. */
function parseAssignments(name: string, texts: readonly string[]): Assignment[] {
  if (texts.some((text) => text.includes("\0"))) throw new RangeError(`${name} must be without NUL characters`);
  return texts.map(parseAssignment);
}

/**
 * Parses the words of a command line or a query.
 * @throws {RangeError} with a message for the operator
 */
export function parseChange(
  { set, where, json }: {
    readonly set: readonly string[];
    readonly where: readonly string[];
    readonly json: string | undefined;
  },
): Change {
  if (json !== undefined) {
    if (set.length + where.length > 0) throw new RangeError("a whole event goes without set and where");
    return { json };
  }
  if (set.length === 0) {
    throw new RangeError("say what to change: set, such as currency=EUR, or the whole event as JSON");
  }
  return { set: parseAssignments("set", set), where: parseAssignments("where", where) };
}

/** @param body need not be a valid event */
export function applyChange(body: Uint8Array, change: Change): Changed {
  const fields = fieldsOf(body);
  const before = fields && JSON.stringify(fields);
  if ("json" in change) return judged(before, change.json);
  if (!fields) return { before, problem: "its body is no event at all: only a whole event can replace it" };
  const other = change.where?.find(({ key, value }) => String(fields[key] ?? "") !== value);
  if (other) return { before, problem: `${other.key} is "${fields[other.key] ?? ""}", not "${other.value}"` };
  const after: Record<string, unknown> = { ...fields };
  for (const { key, value } of change.set) {
    if (value === "") delete after[key];
    else after[key] = key === "has_won" && /^(true|false)$/.test(value) ? value === "true" : value;
  }
  return judged(before, JSON.stringify(after));
}

function judged(before: string | undefined, json: string): Changed {
  const event = parseEventJson(json);
  return Array.isArray(event) ? { before, problem: describeFaults(event) } : { before: before ?? "null", event };
}

/** Returns the fields in the body, valid or not, without missing ones; `undefined` when the body is not protobuf. */
function fieldsOf(body: Uint8Array): Record<string, unknown> | undefined {
  let draft: Draft;
  try {
    draft = decodeDraft(body);
  } catch (error) {
    if (error instanceof UndecodableError) return undefined;
    throw error;
  }
  const { id, playerId, gameId, kind, amount, currency, hasWon, createdAt } = draft;
  const known = typeof kind === "object" ? kind : undefined;
  return {
    ...(id !== 0n && { id: jsonInteger(id) }),
    ...(playerId !== 0n && { player_id: jsonInteger(playerId) }),
    ...(gameId !== 0n && { game_id: jsonInteger(gameId) }),
    ...(known && { type: known.type }),
    ...((amount !== 0n || known?.hasMoney) && { amount: jsonInteger(amount) }),
    ...(currency !== "" && { currency }),
    ...((hasWon || known?.hasOutcome) && { has_won: hasWon }),
    ...(createdAt && isTimestamp(createdAt) && { created_at: formatTimestamp(createdAt) }),
  };
}
