import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { never } from "../../shared/runtime/deadline.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { MemoryDatabase } from "../../tests/fixtures/memory_edges.ts";
import {
  bet,
  deliveryOf,
  deposit,
  gameStart,
  playerNamed,
  ratesOf,
  someRates,
} from "../../tests/fixtures/deliveries.ts";
import type { Processed } from "./entry.ts";
import { decodeAll, processBatch } from "./process_batch.ts";
import { enrichment, type Sources } from "./steps/steps.ts";
import { RatesTimeout } from "../rates/source.ts";

const ratesNow: Sources["rates"] = { current: () => someRates, answerTo: () => undefined };

function process(database: MemoryDatabase, deliveries: Delivery[], rates = ratesNow): Promise<Processed[]> {
  const steps = enrichment({ rates, players: database });
  return processBatch({ decode: decodeAll, steps, store: database })(deliveries, never);
}

function outcomes(processed: readonly Processed[]): string[] {
  return processed.map(({ outcome }) => outcome.kind === "dead" ? outcome.reason : outcome.kind);
}

function detailOf({ outcome }: Processed): string | undefined {
  return outcome.kind === "dead" ? outcome.detail : undefined;
}

Deno.test("processBatch() stores each event enriched with its price, its player and a sentence", async () => {
  const database = new MemoryDatabase();
  database.players.set(11n, playerNamed("john@example.com"));
  const [processed] = await process(database, [deliveryOf(bet())]);
  deepStrictEqual(processed?.outcome, { kind: "ack" });
  const [stored] = database.events.values();
  strictEqual(stored?.price?.eurCents, 467n);
  strictEqual(stored?.price?.rate?.perEur, "1.0705");
  strictEqual(
    stored?.description,
    `Player #11 (john@example.com) placed a bet of 5 USD (4.67 EUR) on a game "It's bananas!" on February 2nd, 2022 at 23:45 UTC.`,
  );
});

Deno.test("processBatch() gives each delivery its own outcome, and stores the good ones", async () => {
  const database = new MemoryDatabase();
  const batch = [
    deliveryOf(bet()),
    deliveryOf(new Uint8Array([0xff, 0xff])),
    deliveryOf(new Uint8Array()),
    deliveryOf(bet({ currency: "ZZZ" })),
    deliveryOf(bet({ currency: "KWD" })),
    deliveryOf(deposit()),
    deliveryOf(gameStart()),
  ];
  const processed = await process(database, batch);
  deepStrictEqual(processed.map(({ delivery }) => delivery), batch);
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

Deno.test("processBatch() throws and stores nothing when the database is away", async () => {
  const database = new MemoryDatabase();
  database.beforeEach = () => {
    throw Object.assign(new Error("terminating connection"), { code: "57P01" });
  };
  await rejects(process(database, [deliveryOf(bet())]), /terminating connection/);
  strictEqual(database.events.size, 0);
});

Deno.test("processBatch() does not query the database for a batch without a valid event", async () => {
  const database = new MemoryDatabase();
  database.beforeEach = () => {
    throw new Error("asked");
  };
  deepStrictEqual(outcomes(await process(database, [deliveryOf(bet({ currency: "ZZZ" }))])), ["unknown-currency"]);
});

Deno.test("processBatch() sets aside only the events that need rates while there are none", async () => {
  const database = new MemoryDatabase();
  const batch = [bet(), deposit(), gameStart(), bet({ currency: "EUR" }), bet({ currency: "ZZZ" })]
    .map((event) => deliveryOf(event));
  const processed = await process(database, batch, { ...ratesNow, current: () => undefined });
  deepStrictEqual(outcomes(processed), ["wait", "ack", "ack", "ack", "unknown-currency"]);
  strictEqual(database.events.size, 3);
});

Deno.test("processBatch() uses the rates that a delivery waited for, and dead-letters it after its deadline", async () => {
  const database = new MemoryDatabase();
  const [priced, late] = [deliveryOf(bet()), deliveryOf(bet())];
  const rates: Sources["rates"] = {
    current: () => undefined,
    answerTo: (delivery) => delivery === priced ? someRates : new RatesTimeout("no rates within 5 s"),
  };
  const processed = await process(database, [priced, late], rates);
  deepStrictEqual(outcomes(processed), ["ack", "rates-timeout"]);
  strictEqual(detailOf(processed[1]!), "no rates within 5 s");
});

Deno.test("processBatch() uses rates that arrived meanwhile, even after a delivery's deadline", async () => {
  const rates: Sources["rates"] = { current: () => someRates, answerTo: () => new RatesTimeout("no rates") };
  deepStrictEqual(outcomes(await process(new MemoryDatabase(), [deliveryOf(bet())], rates)), ["ack"]);
});

Deno.test("processBatch() dead-letters an event on which our own code fails, and stores its neighbours", async () => {
  const database = new MemoryDatabase();
  const broken = ratesOf({ USD: "1" });
  (broken.perEur as Map<string, unknown>).set("GBP", { units: 0n, scale: 0, text: "0" });
  const batch = [deliveryOf(bet({ currency: "GBP" })), deliveryOf(bet())];
  deepStrictEqual(outcomes(await process(database, batch, { ...ratesNow, current: () => broken })), [
    "processing-failed",
    "ack",
  ]);
});

Deno.test("processBatch() tells a duplicate, with the stored facts, from another event under its id", async () => {
  const database = new MemoryDatabase();
  database.players.set(11n, playerNamed("old@example.com"));
  await process(database, [deliveryOf(bet(), "id")]);
  database.players.set(11n, playerNamed("new@example.com"));
  const batch = [bet(), bet({ amount: 999_999n }), bet({ id: 5n })].map((event, n) =>
    deliveryOf(event, n < 2 ? "id" : "other")
  );
  const processed = await process(database, batch);
  deepStrictEqual(processed[0]!.outcome, { kind: "ack", isDuplicate: true });
  deepStrictEqual(processed[0]!.facts?.player?.email, "old@example.com");
  deepStrictEqual(outcomes(processed), ["ack", "id-conflict", "ack"]);
  match(
    detailOf(processed[1]!)!,
    /^message id id belongs to another event: .*"amount":500,.* is stored, .*"amount":999999,/,
  );
  strictEqual(database.events.size, 2);
});
