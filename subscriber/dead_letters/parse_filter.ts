/** Parses a filter for dead letters from the flags of a command or the query of a URL. */
import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import { type Status, statuses } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";

/** The given conditions, as the user wrote them. */
export interface FilterWords {
  readonly status?: string | undefined;
  readonly reason?: string | undefined;
  readonly id?: string | undefined;
  readonly group?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly player?: string | undefined;
  readonly event?: string | undefined;
  readonly text?: string | undefined;
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * @param now milliseconds since 1970
 * @throws {RangeError} for a value that cannot be parsed
 *
 * @example
 * ```ts
 * import { deepStrictEqual, throws } from "node:assert/strict";
 *
 * const now = Date.parse("2026-11-29T22:00:00Z");
 * deepStrictEqual(parseFilter({ reason: "invalid, undecodable", since: "2h" }, now), {
 *   reasons: ["invalid", "undecodable"],
 *   sinceMs: now - 7_200_000,
 * });
 * throws(() => parseFilter({ player: "john" }, now), /"john" must be a whole number/);
 * ```
 */
export function parseFilter(words: FilterWords, now: number): Filter {
  const { status, reason, id, group, since, until, player, event, text } = words;
  return {
    ...status !== undefined && { statuses: parseStatuses(status) },
    ...reason !== undefined && { reasons: split(reason) },
    ...id !== undefined && { ids: split(id).map((id) => parseMessageId(id) ?? id) },
    ...group !== undefined && { groups: split(group) },
    ...since !== undefined && { sinceMs: parseTime("since", since, now) },
    ...until !== undefined && { untilMs: parseTime("until", until, now) },
    ...player !== undefined && { playerId: parseInteger(player) },
    ...event !== undefined && { eventId: parseInteger(event) },
    ...text !== undefined && { text },
  };
}

function split(list: string): string[] {
  return list.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
}

/** Parses statuses such as `dropped,replayed`; `any` stands for all. */
function parseStatuses(list: string): readonly Status[] {
  const names = list === "any" ? statuses : split(list);
  const wrong = names.find((name) => !statuses.some((status) => status === name));
  if (wrong !== undefined || names.length === 0) {
    throw new RangeError(`status "${(wrong ?? "").slice(0, 60)}" must be one of ${statuses.join(", ")}, any`);
  }
  return names as readonly Status[];
}

function parseInteger(text: string): bigint {
  const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value !== BigInt.asIntN(64, value)) {
    throw new RangeError(`${JSON.stringify(text.slice(0, 60))} must be a whole number of 64 bits`);
  }
  return value;
}

/** Postgres stores earlier times, but does not read them as ISO 8601. */
const [firstMs, endMs] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z") + 1];

/** Parses a time, or a time ago: `90s`, `30m`, `2h`, `7d`. */
function parseTime(name: string, text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = amount === undefined
    ? /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
    : now - Number(amount) * unitMs[unit as keyof typeof unitMs];
  if (ms >= firstMs && ms < endMs) return ms;
  throw new RangeError(
    `${name} ${JSON.stringify(text.slice(0, 60))} must be a time such as 2026-11-29T22:00Z in the ` +
      "years 1 to 9999, or how long ago, such as 30m or 2h",
  );
}
