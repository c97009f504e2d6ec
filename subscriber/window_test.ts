import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { Dead } from "../shared/amqp/outcome.ts";
import { MemoryDatabase } from "./memory_database.ts";
import { bet, deliveryOf, deposit, gameStart, ratesOf, someRates } from "../tests/fixtures/deliveries.ts";
import { decode, type Processed, processWindow } from "./window.ts";

/** What Postgres says of a value out of range. */
const outOfRange = Object.assign(new Error("bigint out of range"), { code: "22003" });

function outcomes(processed: readonly Processed[]): string[] {
  return processed.map(({ outcome }) => outcome.kind === "dead" ? outcome.reason : outcome.kind);
}

function detailOf({ outcome }: Processed): string {
  return (outcome as Dead).detail;
}

Deno.test("processWindow() stores each event enriched with its price, its player and a sentence", async () => {
  const database = new MemoryDatabase();
  database.players.set(11n, { email: "john@example.com", lastSignedInAt: undefined });
  const [processed] = await processWindow([decode(deliveryOf(bet()))], someRates, {
    players: database,
    store: database,
  });
  deepStrictEqual(processed?.outcome, { kind: "ack" });
  const [stored] = database.events.values();
  strictEqual(stored?.price?.eurCents, 467n);
  strictEqual(stored?.price?.rate?.perEur, "1.0705");
  strictEqual(
    stored?.description,
    `Player #11 (john@example.com) placed a bet of 5 USD (4.67 EUR) on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
  );
});

Deno.test("processWindow() gives each delivery its own outcome and stores the good ones", async () => {
  const database = new MemoryDatabase();
  const window = [
    deliveryOf(bet()),
    deliveryOf(new Uint8Array([0xff, 0xff])),
    deliveryOf(new Uint8Array()),
    deliveryOf(bet({ currency: "ZZZ" })),
    deliveryOf(bet({ currency: "KWD" })),
    deliveryOf(deposit()),
    deliveryOf(gameStart()),
  ].map(decode);
  const processed = await processWindow(window, someRates, { players: database, store: database });
  deepStrictEqual(outcomes(processed), [
    "ack",
    "undecodable",
    "invalid",
    "unknown-currency",
    "unknown-currency",
    "ack",
    "ack",
  ]);
  strictEqual(database.events.size, 3);
  strictEqual(
    detailOf(processed[2]!),
    "id is missing; player_id is missing; type is missing; created_at is missing",
  );
  strictEqual(detailOf(processed[4]!), "the rates have no KWD");
});

Deno.test("processWindow() splits a window around the row that the database rejects", async () => {
  const database = new MemoryDatabase();
  const poison = crypto.randomUUID();
  database.beforeEach = (_, events) => {
    if (events.some(({ messageId }) => messageId === poison)) throw outOfRange;
  };
  const window = Array.from({ length: 21 }, (_, i) => decode(deliveryOf(bet(), i === 13 ? poison : undefined)));
  const processed = await processWindow(window, someRates, { players: database, store: database });
  deepStrictEqual(outcomes(processed), window.map((_, i) => i === 13 ? "store-rejected" : "ack"));
  strictEqual(detailOf(processed[13]!), "bigint out of range");
  strictEqual(database.events.size, 20);
});

Deno.test("processWindow() throws and stores nothing when the database is away", async () => {
  const database = new MemoryDatabase();
  database.beforeEach = () => {
    throw Object.assign(new Error("terminating connection"), { code: "57P01" });
  };
  await rejects(
    processWindow([decode(deliveryOf(bet()))], someRates, { players: database, store: database }),
    /terminating connection/,
  );
  strictEqual(database.events.size, 0);
});

Deno.test("processWindow() dead-letters what needs rates when there are none, and only that", async () => {
  const database = new MemoryDatabase();
  const window = [bet(), deposit(), gameStart(), bet({ currency: "EUR" })].map((event) => decode(deliveryOf(event)));
  const none = { kind: "dead", reason: "rates-timeout", detail: "no rates" } as const;
  const processed = await processWindow(window, none, { players: database, store: database });
  deepStrictEqual(outcomes(processed), ["rates-timeout", "ack", "ack", "ack"]);
});

Deno.test("processWindow() dead-letters an event on which our own code fails, and stores its neighbours", async () => {
  const database = new MemoryDatabase();
  const broken = ratesOf({ USD: "1" });
  (broken.perEur as Map<string, unknown>).set("GBP", { units: 0n, scale: 0, text: "0" });
  const window = [bet({ currency: "GBP" }), bet()].map((event) => decode(deliveryOf(event)));
  const processed = await processWindow(window, broken, { players: database, store: database });
  deepStrictEqual(outcomes(processed), ["processing-failed", "ack"]);
});

Deno.test("processWindow() reports an event again that was stored before, and stores it once", async () => {
  const database = new MemoryDatabase();
  const delivery = deliveryOf(bet());
  for (const _ of [1, 2]) {
    const [processed] = await processWindow([decode(delivery)], someRates, { players: database, store: database });
    strictEqual(processed?.outcome.kind, "ack");
    strictEqual(processed?.enriched?.messageId, delivery.messageId);
  }
  strictEqual(database.events.size, 1);
});
