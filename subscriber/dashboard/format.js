/** Formats figures for people. An unknown value becomes an en dash. */

export const unknown = "–";

const counts = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * `12,345`. Unsafe integers come as strings, and stay exact.
 * @param {number | string | null | undefined} value
 */
export function count(value) {
  if (value === null || value === undefined) return unknown;
  return counts.format(typeof value === "string" ? BigInt(value) : value);
}

/**
 * `1.2K`, for an axis, where there is little room.
 * @param {number} value
 */
export function compact(value) {
  return short.format(value);
}

/**
 * One decimal below 100, none above: `7.3`, `4,812`.
 * @param {number | null | undefined} value
 */
export function rate(value) {
  if (value === null || value === undefined) return unknown;
  return value < 100 && !Number.isInteger(value) ? tenths.format(value) : counts.format(Math.round(value));
}

/**
 * Two units at most: `3.1 ms`, `340 ms`, `4.2 s`, `3 min 5 s`, `2 h 3 min`, `4 d 2 h`.
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === null || ms === undefined) return unknown;
  if (ms < 10) return `${trimmed(ms)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${trimmed(seconds)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return pair(seconds, 60, "min", 1, "s");
  if (seconds < 86_400) return pair(seconds, 3_600, "h", 60, "min");
  return pair(seconds, 86_400, "d", 3_600, "h");
}

/**
 * `950 ms`, `100 s`, `17 min`, `3 h`: short enough for a chart's axis.
 * @param {number} ms
 */
export function shortDuration(ms) {
  if (ms < 60_000) return duration(ms);
  if (ms < 600_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${trimmed(ms / 3_600_000)} h`;
}

/**
 * `1,234.56 EUR`, exact.
 * @param {number | string | null | undefined} cents
 */
export function euros(cents) {
  if (cents === null || cents === undefined) return unknown;
  const whole = BigInt(cents);
  const size = whole < 0n ? -whole : whole;
  const rest = String(size % 100n).padStart(2, "0");
  return `${whole < 0n ? "-" : ""}${counts.format(size / 100n)}.${rest} EUR`;
}

/**
 * `23:45:07`, in UTC.
 * @param {string | number | null} time RFC 3339, or ms since 1970
 */
export function clock(time) {
  return iso(time)?.slice(11, 19) ?? unknown;
}

/**
 * `2026-11-24 23:45:07 UTC`
 * @param {string | number | null} time RFC 3339, or ms since 1970
 */
export function dateTime(time) {
  const text = iso(time);
  return text ? `${text.slice(0, 10)} ${text.slice(11, 19)} UTC` : unknown;
}

/**
 * `1 event`, `2 events`
 * @param {number} number
 * @param {string} thing
 */
export function plural(number, thing) {
  return `${counts.format(number)} ${thing}${number === 1 ? "" : "s"}`;
}

/** @param {number} value */
function trimmed(value) {
  return String(Math.floor(value * 10) / 10);
}

/**
 * @param {number} seconds
 * @param {number} large seconds in the large unit
 * @param {string} largeName
 * @param {number} small
 * @param {string} smallName
 */
function pair(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ""}`;
}

/** @param {string | number | null} time */
function iso(time) {
  if (time === null) return undefined;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
