/** Deliveries and rates for tests. */
import type { Delivery } from "../shared/amqp/delivery.ts";
import { encodeEvent } from "../shared/event/protobuf.ts";
import type { Event, EventOf } from "../shared/event/event.ts";
import { checkRates, type Rates } from "./rates/rates.ts";

const createdAt = { seconds: Date.UTC(2022, 1, 2, 23, 45) / 1000, nanos: 0 };

export function bet(changes: Partial<EventOf<"bet">> = {}): EventOf<"bet"> {
  return {
    type: "bet",
    id: 1n,
    playerId: 11n,
    gameId: 101n,
    amount: 500n,
    currency: "USD",
    hasWon: false,
    createdAt,
    ...changes,
  };
}

export function deposit(changes: Partial<EventOf<"deposit">> = {}): EventOf<"deposit"> {
  return { type: "deposit", id: 2n, playerId: 12n, amount: 10_000n, currency: "EUR", createdAt, ...changes };
}

export function gameStart(changes: Partial<EventOf<"game_start">> = {}): EventOf<"game_start"> {
  return { type: "game_start", id: 3n, playerId: 10n, gameId: 100n, createdAt, ...changes };
}

export function deliveryOf(event: Event | Uint8Array, messageId: string = crypto.randomUUID()): Delivery {
  const body = event instanceof Uint8Array ? event : encodeEvent(event);
  return { messageId, body, headers: {}, appId: undefined, timestampMs: undefined };
}

export const someRates: Rates = ratesOf({ USD: "1.0705", JPY: "171.94", GBP: "0.84638", BTC: "0.0000176" });

export function ratesOf(rates: Record<string, string>, asOfMs = Date.UTC(2024, 5, 28, 14)): Rates {
  return checkRates({ base: "EUR", asOfMs, rates }, asOfMs);
}
