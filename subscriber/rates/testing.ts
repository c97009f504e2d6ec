/** For properties of whatever reads rates. */
import { deepStrictEqual, ok } from "node:assert/strict";
import Big from "big.js";
import fc from "fast-check";
import { InvalidRates, type Rates, ratesFromJson, ratesToJson } from "./rates.ts";

export const now = Date.UTC(2024, 6, 1);

export const anyCurrency = fc.string({
  unit: fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
  minLength: 3,
  maxLength: 3,
});
const digits = (most: number) => fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: most });
export const anyDecimal = fc.oneof(
  fc.tuple(digits(15), digits(18)).map(([whole, fraction]) => `${whole}.${fraction}1`.slice(0, whole.length + 19)),
  digits(15).map((whole) => whole.replace(/0$/, "1")),
);
export const anyRates = fc.dictionary(anyCurrency.filter((code) => code !== "EUR"), anyDecimal, {
  minKeys: 1,
  maxKeys: 5,
  noNullPrototype: true,
});
/** Milliseconds since 1970. */
export const anyTime = fc.integer({ min: 1, max: now });

/** Holds the rates to their digits, and to what comes back from the cache, and counts both outcomes. */
export class Outcomes {
  #accepted = 0;
  #refused = 0;

  /** @returns `undefined` when the rates are refused, as they must be: with InvalidRates, in one line */
  of(read: () => Rates): Rates | undefined {
    let rates: Rates;
    try {
      rates = read();
    } catch (error) {
      ok(error instanceof InvalidRates && error.message.length < 200, String(error));
      this.#refused++;
      return undefined;
    }
    this.#accepted++;
    ok(rates.asOfMs > 0 && Number.isSafeInteger(rates.asOfMs) && rates.perEur.size > 0);
    for (const [code, { text, units, scale }] of rates.perEur) {
      ok(/^[A-Z]{3}$/.test(code) && units > 0n && scale >= 0, `${code} ${text}`);
      ok(/^[0-9.]+$/.test(text) && new Big(text).eq(`${units}e-${scale}`), `${code} ${text}`);
    }
    const { asOfMs, perEur } = rates;
    deepStrictEqual(ratesFromJson(JSON.stringify(ratesToJson(rates))), { asOfMs, perEur });
    return rates;
  }

  /** Without which the property says little. */
  sawBoth(least: number): void {
    ok(this.#accepted > least && this.#refused > least, `${this.#accepted} accepted, ${this.#refused} refused`);
  }
}
