import { type Dead, dead } from "../shared/amqp/outcome.ts";
import type { Event } from "../shared/event.ts";
import { exponentOf, toEurCents } from "../shared/money.ts";
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
  const exponent = exponentOf(currency);
  if (exponent === undefined) {
    return dead("unknown-currency", `currency ${JSON.stringify(currency)} is neither in ISO 4217 nor BTC`);
  }
  if (rates === undefined) throw new Error(`a price in ${currency} was asked for without rates`);
  if ("kind" in rates) return rates;
  const perEur = rates.perEur.get(currency);
  if (!perEur) return dead("unknown-currency", `the rates have no ${currency}`);
  return { eurCents: toEurCents(amount, exponent, perEur), rate: { perEur: perEur.text, asOfMs: rates.asOfMs } };
}
