import { type EventType, eventTypes } from "../../shared/event/kinds.ts";
import type { Enriched } from "../enriched/enriched.ts";
import { Problem } from "./problem.ts";
import { mostKept } from "../metrics/recent_events.ts";

export interface EventQuery {
  readonly limit: number;
  /** `undefined` matches every type. */
  readonly types: ReadonlySet<EventType> | undefined;
  readonly playerId: bigint | undefined;
}

const defaultLimit = 100;
const names = new Set(["limit", "type", "player_id"]);

/** @throws {Problem} for unknown names and values: a mistyped filter must not match everything */
export function parseEventQuery(query: URLSearchParams): EventQuery {
  for (const name of query.keys()) {
    if (!names.has(name)) throw new Problem(400, `"${name}" is none of the parameters ${[...names].join(", ")}`);
  }
  return {
    limit: parseLimit(query.get("limit"), defaultLimit, mostKept),
    types: parseTypes(query.get("type")),
    playerId: parsePlayer(query.get("player_id")),
  };
}

export function matches({ event }: Enriched, { types, playerId }: EventQuery): boolean {
  return (playerId === undefined || event.playerId === playerId) && (types?.has(event.type) ?? true);
}

/** @throws {Problem} */
export function parseLimit(text: string | null, fallback: number, most: number): number {
  if (text === null) return fallback;
  const limit = Number(text);
  if (!/^\d{1,6}$/.test(text) || limit < 1 || limit > most) {
    throw new Problem(400, `limit=${cut(text)} must be a whole number from 1 to ${most}`);
  }
  return limit;
}

function parseTypes(text: string | null): ReadonlySet<EventType> | undefined {
  if (text === null) return undefined;
  const types = text.split(",");
  const unknown = types.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown !== undefined) {
    throw new Problem(400, `type=${cut(text)} must be one or more of ${eventTypes.join(",")}, with commas between`);
  }
  return new Set(types as EventType[]);
}

function parsePlayer(text: string | null): bigint | undefined {
  if (text === null) return undefined;
  if (!/^-?\d{1,19}$/.test(text)) throw new Problem(400, `player_id=${cut(text)} must be a whole number`);
  return BigInt(text);
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
