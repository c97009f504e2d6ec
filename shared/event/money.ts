/** Amounts of money: minor units, exponents, exact conversion to EUR cents. */

/** A positive decimal number without rounding: units / 10^scale. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/**
 * Digits after the decimal point of each currency: ISO 4217 list one as published on 2024-06-25 and on 2026-01-01, and
 * 8 for BTC, whose minor unit is the satoshi. Currencies that left the list recently (ANG, BGN, CUC, ZWL) stay, because
 * old events carry them. Codes without a minor unit in ISO 4217 (XAU, XDR, XXX, …) are unknown here.
 *
 * `Intl` is not used: it follows CLDR, which gives IQD and LAK no digits where ISO 4217 has three and two.
 */
const exponents: ReadonlyMap<string, number> = new Map([
  ...digits(0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
  ...digits(
    2,
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF " +
      "CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG " +
      "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK " +
      "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE " +
      "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR " +
      "ZMW ZWG ZWL",
  ),
  ...digits(3, "BHD IQD JOD KWD LYD OMR TND"),
  ...digits(4, "CLF UYW"),
  ...digits(8, "BTC"),
]);

/**
 * Returns the currency's number of digits after the decimal point; `undefined` for an unknown currency.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(exponentOf("JPY"), 0);
 * strictEqual(exponentOf("XXX"), undefined);
 * ```
 */
export function exponentOf(currency: string): number | undefined {
  return exponents.get(currency);
}

/**
 * Returns a function that converts amounts in the currency's minor unit to EUR cents: exact, rounded once, half away
 * from zero.
 * @param exponent the currency's number of digits after the point
 * @param perEur how much of the currency 1 EUR buys; greater than 0
 * @throws {RangeError} when `perEur` is 0
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * const dollars = toEurCents(2, { units: 10705n, scale: 4 }); // 1 EUR buys 1.0705 USD
 * strictEqual(dollars(500n), 467n);
 * ```
 */
export function toEurCents(exponent: number, perEur: Decimal): (amount: bigint) => bigint {
  const twiceCents = 200n * 10n ** BigInt(perEur.scale);
  const divisor = 10n ** BigInt(exponent) * perEur.units;
  const twiceDivisor = 2n * divisor;
  if (divisor === 0n) throw new RangeError("1 EUR buys 0 of the currency");
  return (amount) => (amount * twiceCents + (amount < 0n ? -divisor : divisor)) / twiceDivisor;
}

/**
 * Formats the amount in major units, without trailing zeros: `5`, `4.68`, `0.5`, `0.00012345`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(formatMajor(12_345n, 8), "0.00012345");
 * ```
 */
export function formatMajor(amount: bigint, exponent: number): string {
  const sign = amount < 0n ? "-" : "";
  const text = String(amount < 0n ? -amount : amount).padStart(exponent + 1, "0");
  const point = text.length - exponent;
  let end = text.length;
  while (end > point && text.charCodeAt(end - 1) === zero) end--;
  return end === point ? sign + text.slice(0, point) : `${sign}${text.slice(0, point)}.${text.slice(point, end)}`;
}

const zero = "0".charCodeAt(0);

function digits(exponent: number, currencies: string): [string, number][] {
  return currencies.split(" ").map((currency) => [currency, exponent]);
}
