import { type Random, seededRandom } from "../shared/runtime/random.ts";

/** The rates that the API quotes at an instant. */
export interface Quote {
  /** When these rates were set, in milliseconds since 1970. */
  readonly asOfMs: number;
  /** By currency: how much of it 1 EUR buys, as an exact decimal. */
  readonly rates: Readonly<Record<string, string>>;
}

export interface Quotes {
  /** @param now milliseconds since 1970 */
  at(now: number): Quote;
}

/**
 * The euro foreign exchange reference rates of the European Central Bank for Friday 2024-06-28, as published in its
 * series eurofxref-hist. BTC, which the ECB does not quote, is illustrative.
 */
export const referenceRates = {
  ...{ USD: "1.0705", JPY: "171.94", BGN: "1.9558", CZK: "25.025", DKK: "7.4575", GBP: "0.84638", HUF: "395.10" },
  ...{ PLN: "4.3090", RON: "4.9773", SEK: "11.3595", CHF: "0.9634", ISK: "148.90", NOK: "11.3965", TRY: "35.1868" },
  ...{ AUD: "1.6079", BRL: "5.8915", CAD: "1.4670", CNY: "7.7748", HKD: "8.3594", IDR: "17487.21", ILS: "4.0200" },
  ...{ INR: "89.2495", KRW: "1474.86", MXN: "19.5654", MYR: "5.0501", NZD: "1.7601", PHP: "62.560", SGD: "1.4513" },
  ...{ THB: "39.319", ZAR: "19.4970", BTC: "0.0000176" },
} as const;

/**
 * When the reference rates were published: "the reference rates are usually updated at around 16:00 CET" (ECB, Euro
 * foreign exchange reference rates). Frankfurt has summer time in June, so 16:00 is 14:00 UTC.
 */
export const referenceTimeMs = Date.UTC(2024, 5, 28, 14);

/** The reference rates at every instant. */
export const fixedQuotes: Quotes = { at: () => ({ asOfMs: referenceTimeMs, rates: referenceRates }) };

export interface WalkOptions {
  /** The same seed and step give the same rates. */
  readonly seed: number;
  /** Time between two steps, in ms. */
  readonly stepMs: number;
  /** The instant of step 0, which has the reference rates, in milliseconds since 1970. */
  readonly startMs: number;
}

/** Rates that begin at the reference rates and move at every step, independently of calls. */
export function walkingQuotes({ seed, stepMs, startMs }: WalkOptions): Quotes {
  const ratesAt = randomWalk(seed);
  return {
    at(now) {
      // The clock may be set back to before the start.
      const step = Math.max(0, Math.floor((now - startMs) / stepMs));
      return { asOfMs: startMs + step * stepMs, rates: ratesAt(step) };
    },
  };
}

/**
 * Returns a random walk from the reference rates. The result depends on seed and step alone; the last position is only
 * a cache. Each step moves each rate by at most a thousandth of it, or by one unit of its last digit if that is more. A
 * rate keeps its number of digits after the point and stays between half and twice its reference rate.
 */
export function randomWalk(seed: number): (step: number) => Readonly<Record<string, string>> {
  let position = startOf(seed);
  return (step) => {
    if (step < position.step) position = startOf(seed);
    while (position.step < step) {
      for (const rate of position.rates) move(rate, position.random);
      position.step++;
    }
    return Object.fromEntries(position.rates.map((rate) => [rate.currency, format(rate)]));
  };
}

interface MovingRate {
  readonly currency: string;
  /** Digits after the point. */
  readonly scale: number;
  readonly least: number;
  readonly most: number;
  /** The rate in units of its last digit. */
  units: number;
}

function startOf(seed: number): { step: number; random: Random; rates: MovingRate[] } {
  const rates = Object.entries(referenceRates).map(([currency, text]) => {
    const [whole = "", fraction = ""] = text.split(".");
    const units = Number(whole + fraction);
    return { currency, scale: fraction.length, units, least: Math.ceil(units / 2), most: units * 2 };
  });
  return { step: 0, random: seededRandom(seed), rates };
}

function move(rate: MovingRate, random: Random): void {
  const furthest = Math.max(1, Math.floor(rate.units / 1000));
  const moved = rate.units + random.int(-furthest, furthest);
  rate.units = Math.min(rate.most, Math.max(rate.least, moved));
}

function format({ units, scale }: MovingRate): string {
  const digits = String(units).padStart(scale + 1, "0");
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
