/** Exchange rates as a value, and the border at which answers and cached text become one. */
import type { Decimal } from "../../shared/event/money.ts";

/** How much of a currency 1 EUR buys, exact, with the digits as they were given. */
export interface Rate extends Decimal {
  readonly text: string;
}

export interface Rates {
  /** When they were set, milliseconds since 1970. */
  readonly asOfMs: number;
  readonly perEur: ReadonlyMap<string, Rate>;
}

/** Rates as somebody else gives them, nothing of which is taken on trust. */
export interface UncheckedRates {
  readonly base: unknown;
  readonly asOfMs: unknown;
  readonly rates: Readonly<Record<string, unknown>>;
}

/** The rates are not what they should be. They are refused as a whole: who is wrong once may be wrong throughout. */
export class InvalidRates extends Error {
  override readonly name = "InvalidRates";
}

/** About six times as many as ISO 4217 has currencies. */
const mostRates = 1_000;
/** How far clocks may differ before a time is nonsense. */
const mostAheadMs = 24 * 60 * 60 * 1000;

/**
 * @param now milliseconds since 1970
 * @throws {InvalidRates}
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
  return { asOfMs, perEur: new Map(entries.map(([currency, text]) => [currency, checkRate(currency, text)])) };
}

/** The value that is cached: format version, time and digits. */
export function ratesToJson({ asOfMs, perEur }: Rates): object {
  const rates = Object.fromEntries(Array.from(perEur, ([currency, { text }]) => [currency, text]));
  return { v: formatVersion, base: "EUR", as_of_ms: asOfMs, rates };
}

/** @throws {InvalidRates} */
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
  // They were checked against a clock when they were fetched.
  return checkRates({ base: value.base, asOfMs: value.as_of_ms, rates: { ...value.rates } }, Infinity);
}

/**
 * Fields may be added to a format. What changes the meaning of one is another format, and goes under another key than
 * redis_rates.ts has: two versions that run side by side would else throw each other's rates away.
 */
const formatVersion = 1;

function checkRate(currency: string, text: unknown): Rate {
  if (!/^[A-Z]{3}$/.test(currency)) throw new InvalidRates(`${shown(currency)} is no currency code`);
  const digits = typeof text === "string" ? /^(\d{1,15})(?:\.(\d{1,18}))?$/.exec(text) : null;
  if (!digits) throw new InvalidRates(`the rate of ${currency} is ${shown(text)}, not a positive decimal`);
  const [whole = "", fraction = ""] = digits.slice(1);
  const units = BigInt(whole + fraction);
  if (units === 0n) throw new InvalidRates(`the rate of ${currency} is zero`);
  if (currency === "EUR" && units !== 10n ** BigInt(fraction.length)) {
    throw new InvalidRates(`the rate of EUR in EUR is ${text}, not 1`);
  }
  return { text: String(text), units, scale: fraction.length };
}

/** Neither arrays nor objects are written out: they may be of any size, and not all of them can be. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = value === undefined ? "missing" : typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
