import type { Event } from "../../../shared/event/event.ts";
import { exponentOf, toEurCents } from "../../../shared/event/money.ts";
import { cutTo } from "../../../shared/runtime/printable.ts";
import type { Price } from "../../enriched/enriched.ts";
import type { Rates } from "../../rates/rates.ts";

/** Why an amount cannot be converted. */
export interface Unpriced {
  readonly unpriced: "unknown-currency" | "no-rates";
  /** The exact fault, for a human. */
  readonly detail: string;
}

const noRates: Unpriced = { unpriced: "no-rates", detail: "there are no rates to convert it by" };

export function isUnpriced(value: Price | Unpriced | undefined): value is Unpriced {
  return value !== undefined && "unpriced" in value;
}

/**
 * Converts the event's amount to EUR.
 * @param rates not needed for amounts in EUR, or in an unknown currency
 * @returns `undefined` for an event without an amount
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { bet, gameStart, someRates } from "../../../tests/fixtures/deliveries.ts";
 *
 * deepStrictEqual(price(bet({ amount: 10_705n, currency: "EUR" }), undefined), { eurCents: 10_705n, rate: undefined });
 * deepStrictEqual(price(gameStart(), someRates), undefined);
 * ```
 */
export function price(event: Event, rates: Rates | undefined): Price | Unpriced | undefined {
  if (!("currency" in event)) return undefined;
  const { amount, currency } = event;
  if (currency === "EUR") return { eurCents: amount, rate: undefined };
  if (rates) {
    const quote = quoteOf(currency, rates);
    if (quote) return { eurCents: quote.toEurCents(amount), rate: quote.rate };
  }
  if (exponentOf(currency) === undefined) {
    return unknownCurrency(`currency ${JSON.stringify(cutTo(currency, 60))} is neither in ISO 4217 nor BTC`);
  }
  return rates ? unknownCurrency(`the rates have no ${currency}`) : noRates;
}

function unknownCurrency(detail: string): Unpriced {
  return { unpriced: "unknown-currency", detail };
}

/** The part of a price that depends only on the currency. */
interface Quote {
  readonly toEurCents: (amount: bigint) => bigint;
  readonly rate: NonNullable<Price["rate"]>;
}

/** Quotes by rates and currency, cached while the rates are in use: most events have one of a few currencies. */
const quotes = new WeakMap<Rates, Map<string, Quote>>();

/** Returns `undefined` when the currency is unknown, or the rates do not contain it. */
function quoteOf(currency: string, rates: Rates): Quote | undefined {
  let ofRates = quotes.get(rates);
  if (!ofRates) quotes.set(rates, ofRates = new Map());
  let quote = ofRates.get(currency);
  if (quote) return quote;
  const [exponent, perEur] = [exponentOf(currency), rates.perEur.get(currency)];
  if (exponent === undefined || !perEur) return undefined;
  quote = { toEurCents: toEurCents(exponent, perEur), rate: { perEur: perEur.text, asOfMs: rates.asOfMs } };
  ofRates.set(currency, quote);
  return quote;
}
