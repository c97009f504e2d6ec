/** Exchange rates, and the checks of API answers and of cached text. */
import type { Decimal } from "../../shared/event/money.ts";

/** How much of a currency 1 EUR buys: the exact value, and its digits as given. */
export interface Rate extends Decimal {
  readonly text: string;
}

export interface Rates {
  /** When the rates were set, in ms since 1970. */
  readonly asOfMs: number;
  readonly perEur: ReadonlyMap<string, Rate>;
  /** A sentence for each unusable entry of the answer. Not cached. */
  readonly leftOut?: readonly string[];
}

/** Rates from outside, not yet checked. */
export interface UncheckedRates {
  readonly base: unknown;
  readonly asOfMs: unknown;
  readonly rates: Readonly<Record<string, unknown>>;
}

/** All rates of an answer or a cached value are refused. */
export class InvalidRates extends Error {
  override readonly name = "InvalidRates";
}

/** About six times as many as ISO 4217 has currencies. */
const mostRates = 1_000;
/** Largest clock skew: a later time is an error. */
const mostAheadMs = 24 * 60 * 60 * 1000;

/**
 * Returns the usable rates. Leaves out unusable entries (no currency code, zero, negative, out of range): events in
 * such a currency find no rate.
 * @param now milliseconds since 1970
 * @throws {InvalidRates} for another base, no time or a future one, no rates, or rates of which most cannot be used
 */
export function checkRates({ base, asOfMs, rates }: UncheckedRates, now: number): Rates {
  if (base !== "EUR") throw new InvalidRates(`the rates' base is ${shown(base)}, not EUR`);
  if (typeof asOfMs !== "number" || !Number.isSafeInteger(asOfMs) || asOfMs <= 0) {
    throw new InvalidRates("the rates do not say when they were set");
  }
  if (asOfMs > now + mostAheadMs) throw new InvalidRates(`the rates were set at ${asOfMs} ms, more than a day ahead`);
  const entries = Object.entries(rates);
  if (entries.length === 0) throw new InvalidRates("there are no rates");
  if (entries.length > mostRates) throw new InvalidRates(`there are ${entries.length} rates, more than ${mostRates}`);
  const perEur = new Map<string, Rate>();
  const leftOut: string[] = [];
  for (const [currency, text] of entries) {
    const rate = rateOf(currency, text);
    if (typeof rate === "string") leftOut.push(rate);
    else perEur.set(currency, rate);
  }
  if (leftOut.length * 2 > entries.length || perEur.size === 0) {
    throw new InvalidRates(`${leftOut.length} of ${entries.length} rates cannot be used: ${leftOut[0]}`);
  }
  return { asOfMs, perEur, ...(leftOut.length > 0 && { leftOut }) };
}

/** Returns the cached value: format version, time and digits. */
export function ratesToJson({ asOfMs, perEur }: Rates): object {
  const rates = Object.fromEntries(Array.from(perEur, ([currency, { text }]) => [currency, text]));
  return { v: formatVersion, base: "EUR", as_of_ms: asOfMs, rates };
}

const notOurs = "the cached rates are not written as subscribers write them";

/** Parses a cached value. @throws {InvalidRates} also for a single unusable entry: no subscriber writes one */
export function ratesFromJson(text: string): Rates {
  let value: { v?: unknown; base?: unknown; as_of_ms?: unknown; rates?: unknown } | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidRates("the cached rates are not JSON");
  }
  if (value?.v !== formatVersion || typeof value.rates !== "object" || value.rates === null) {
    throw new InvalidRates(`the cached rates are not of format version ${formatVersion}`);
  }
  // No check against the clock (`Infinity`): the subscriber that fetched the rates did that.
  const stated: Readonly<Record<string, unknown>> = { ...value.rates };
  const rates = checkRates({ base: value.base, asOfMs: value.as_of_ms, rates: stated }, Infinity);
  for (const [currency, { text }] of rates.perEur) if (text !== stated[currency]) throw new InvalidRates(notOurs);
  if (rates.leftOut) throw new InvalidRates(notOurs);
  return rates;
}

/**
 * New fields may be added to this format. A field with a new meaning needs a new version and a new key in
 * redis_rates.ts: otherwise two versions that run side by side discard each other's rates.
 */
const formatVersion = 1;

/** Maximum digits before and after the decimal point, without an exponent: ten times beyond any historical currency. */
const [mostWhole, mostFraction] = [15, 18];

/** Returns the rate, or a sentence about why the entry is unusable. */
function rateOf(currency: string, text: unknown): Rate | string {
  if (!/^[A-Z]{3}$/.test(currency)) return `${shown(currency)} is no currency code`;
  const rate = typeof text === "string" ? decimalOf(text) : undefined;
  if (!rate) return `the rate of ${currency} is ${shown(text)}, not a positive decimal`;
  if (rate.units === 0n) return `the rate of ${currency} is zero`;
  if (currency === "EUR" && rate.units !== 10n ** BigInt(rate.scale)) {
    return `the rate of EUR in EUR is ${rate.text}, not 1`;
  }
  return rate;
}

/** Parses `1.0705`, or a number with an exponent: for `1.6e-05`, `text` is `0.000016`. */
function decimalOf(text: string): Rate | undefined {
  const [, whole, fraction = "", exponent] = /^(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text) ??
    [];
  if (whole === undefined) return undefined;
  const plain = exponent === undefined ? text : shifted(whole, fraction, Number(exponent));
  const digits = new RegExp(`^(\\d{1,${mostWhole}})(?:\\.(\\d{1,${mostFraction}}))?$`).exec(plain);
  if (!digits) return undefined;
  const [, wholeDigits = "", fractionDigits = ""] = digits;
  return { text: plain, units: BigInt(wholeDigits + fractionDigits), scale: fractionDigits.length };
}

/** Returns the number with the point moved right by `places` digits, without leading or trailing zeros. */
function shifted(whole: string, fraction: string, places: number): string {
  const digits = "0".repeat(Math.max(0, -places)) + whole + fraction +
    "0".repeat(Math.max(0, places - fraction.length));
  const point = Math.max(0, -places) + whole.length + places;
  const before = digits.slice(0, point).replace(/^0+(?=\d)/, "");
  const after = digits.slice(point).replace(/0+$/, "");
  return after === "" ? before : `${before}.${after}`;
}

/** Shows a value in an error. Arrays and objects are only named: they may be of any size, and some have no JSON. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = value === undefined ? "missing" : typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
