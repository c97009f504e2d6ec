import { type Dead, dead } from "../shared/amqp/outcome.ts";
import type { Event } from "../shared/event.ts";
import { exponentOf, toEurCents } from "../shared/money.ts";
import { cutTo } from "../shared/runtime/printable.ts";
import type { Price } from "./enriched.ts";
import type { Rates } from "./rates/rates.ts";

/** Whether the event has an amount that only rates can tell in EUR; one in an unknown currency they could not either. */
export function needsRates(event: Event): boolean {
  return "currency" in event && event.currency !== "EUR" && exponentOf(event.currency) !== undefined;
}

/**
 * What the event's amount is worth, `undefined` for an event without amount, or why it cannot be told.
 * @param rates or why there are none; may be missing for events that do not need them
 */
export function price(event: Event, rates: Rates | Dead | undefined): Price | Dead | undefined {
  if (!("currency" in event)) return undefined;
  const { amount, currency } = event;
  if (currency === "EUR") return { eurCents: amount, rate: undefined };
  if (rates !== undefined && !("kind" in rates)) {
    const quote = quoteOf(currency, rates);
    if (quote) return { eurCents: quote.toEurCents(amount), rate: quote.rate };
  }
  if (exponentOf(currency) === undefined) {
    return dead("unknown-currency", `currency ${JSON.stringify(cutTo(currency, 60))} is neither in ISO 4217 nor BTC`);
  }
  if (rates === undefined) throw new Error(`a price in ${currency} was asked for without rates`);
  return "kind" in rates ? rates : dead("unknown-currency", `the rates have no ${currency}`);
}

/** All that one currency's prices share. */
interface Quote {
  readonly toEurCents: (amount: bigint) => bigint;
  readonly rate: NonNullable<Price["rate"]>;
}

/** As long as the rates are in use: the same few currencies come again and again. */
const quotes = new WeakMap<Rates, Map<string, Quote>>();

/** `undefined` when the currency is unknown, or the rates do not have it. */
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
