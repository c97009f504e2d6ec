import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { ack, ackDuplicate, type Outcome } from "../../../shared/rabbitmq/outcome.ts";
import { never } from "../../../shared/runtime/deadline.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { deliveryOf, gameStart } from "../../../tests/fixtures/deliveries.ts";
import { batchOf, dead, ended, FakeDatabase, processedAs } from "../../../tests/fixtures/refusing_database.ts";
import { shuttingDown } from "../../../tests/fixtures/subscriber_world.ts";
import { Evidence } from "../evidence.ts";
import { bisected } from "./bisected.ts";

/**
 * The errors of Postgres for a value out of range, a unique index, and a required column that the subscriber does not
 * write.
 */
const outOfRange = Object.assign(new Error("bigint out of range"), { code: "22003" });
const notUnique = Object.assign(new Error("duplicate key value"), {
  ...{ code: "23505", constraint: "events_event_id_key", detail: "Key (event_id)=(7) already exists." },
});
const badSchema = Object.assign(new Error('null value in column "tenant"'), { code: "23502" });

Deno.test("bisected() splits a batch around the rows that the database rejects, and stores the rest, each once", async () => {
  const database = new FakeDatabase();
  const batch = batchOf(21);
  database.refused.set("message 13", outOfRange).set("message 20", notUnique);
  const processed = await ended(database, database.process(batch));
  deepStrictEqual(processed.map(({ delivery }) => delivery), batch);
  deepStrictEqual(dead(processed), [
    ["message 13", "store-rejected", "bigint out of range"],
    [
      ...["message 20", "store-rejected"],
      "duplicate key value: Key (event_id)=(7) already exists. (constraint events_event_id_key)",
    ],
  ]);
  const good = batch.map(({ messageId }) => messageId).filter((id) => !database.refused.has(id));
  deepStrictEqual([database.stored.toSorted(), database.gate.refusals], [good.toSorted(), 0]);
});

Deno.test("bisected() leaves a stored batch alone, and rethrows errors that do not concern the rows", async () => {
  const database = new FakeDatabase();
  await ended(database, database.process(batchOf(2)));
  deepStrictEqual([database.attempts, database.stored.length], [1, 2]);
  const { gate, clock } = database;
  const evidence = new Evidence(() => Promise.reject(outOfRange), seededRandom(1));
  const away = bisected({ evidence, gate, permits: { takeBack() {} }, clock, hold: () => Promise.resolve() })(() =>
    Promise.reject(new Error("away"))
  );
  await rejects(away(batchOf(2), never), /away/);
});

Deno.test("bisected() holds a batch while all events are refused alike, and stores it once the schema is repaired", async () => {
  for (const size of [1, 2, 500]) {
    const database = new FakeDatabase();
    database.problem = badSchema;
    const processing = database.process(batchOf(size));
    await database.clock.advance(60_000);
    deepStrictEqual([database.stored.length, database.gate.problem], [0, badSchema.message]);
    const inFirstMinute = database.attempts;
    await database.clock.advance(60_000);
    ok(database.attempts - inFirstMinute < 24 * 20, "a handful of attempts every five seconds");
    database.problem = undefined;
    const processed = await ended(database, processing, 10_000);
    deepStrictEqual([dead(processed), database.stored.length, database.gate.isOpen], [[], size, true]);
  }
});

Deno.test("bisected() dead-letters an event that came alone when the database takes a probe instead", async () => {
  const database = new FakeDatabase();
  database.refused.set("message 0", outOfRange);
  const processed = await ended(database, database.process(batchOf(1)));
  deepStrictEqual(dead(processed), [["message 0", "store-rejected", "bigint out of range"]]);
  deepStrictEqual([database.probes, database.gate.refusals], [4, 0]);
});

Deno.test("bisected() holds an event that came alone while the probe is refused too, until the database accepts another batch", async () => {
  const database = new FakeDatabase();
  database.probeProblem = notUnique;
  database.refused.set("message 0", outOfRange);
  const processing = database.process(batchOf(1));
  await database.clock.advance(30_000);
  strictEqual(database.gate.problem, "bigint out of range");
  for (let seconds = 0; seconds < 30; seconds++) await ended(database, database.process(batchOf(1, "other")), 1_000);
  const processed = await ended(database, processing, 10_000);
  deepStrictEqual([dead(processed).length, database.stored.length, database.gate.isOpen], [1, 30, true]);
});

Deno.test("bisected() dead-letters no good event while a schema breaks, is repaired, and breaks again", async () => {
  for (let mendedMs = 100; mendedMs < 5_000; mendedMs += 100) {
    const database = new FakeDatabase();
    database.problem = badSchema;
    const processing = database.process(batchOf(1));
    await database.clock.advance(20_000);
    for (let n = 0; n < 2; n++) {
      database.problem = undefined;
      await ended(database, database.process(batchOf(1, "other")), mendedMs);
      database.problem = badSchema;
      await database.clock.advance(20_000);
    }
    database.problem = undefined;
    deepStrictEqual(dead(await ended(database, processing, 10_000)), [], `${mendedMs} ms`);
  }
});

Deno.test("bisected() accepts no evidence from before the refusal", async () => {
  const database = new FakeDatabase();
  await ended(database, database.process(batchOf(3, "before")));
  database.problem = badSchema;
  const processing = database.process(batchOf(1));
  await database.clock.advance(30_000);
  strictEqual(database.gate.isOpen, false);
  database.problem = undefined;
  deepStrictEqual(dead(await ended(database, processing, 10_000)), []);
});

Deno.test("bisected() finishes batches in flight that are poisonous altogether", async () => {
  const database = new FakeDatabase();
  const batches = ["a", "b"].map((name) => batchOf(50, name));
  for (const { messageId } of batches.flat()) database.refused.set(messageId, outOfRange);
  const processed = await ended(database, Promise.all(batches.map((batch) => database.process(batch))));
  strictEqual(dead(processed.flat()).length, 100);
  deepStrictEqual([database.stored, database.gate.refusals], [[], 0]);
});

Deno.test("bisected() dead-letters no good event when the schema breaks amid the search, or the database goes away", async () => {
  for (const trouble of [badSchema, shuttingDown()]) {
    for (let breaksAt = 1; breaksAt <= 14; breaksAt++) {
      const database = new FakeDatabase();
      database.refused.set("message 5", outOfRange);
      database.before = () => database.attempts === breaksAt && (database.problem = trouble);
      const processing = database.process(batchOf(8));
      await database.clock.advance(30_000);
      database.problem = undefined;
      const processed = await ended(database, processing, 10_000);
      deepStrictEqual(dead(processed).map(([id]) => id), ["message 5"], `at attempt ${breaksAt}`);
      deepStrictEqual([new Set(database.stored).size, database.stored.length], [7, 7]);
    }
  }
});

Deno.test("bisected() holds all events of a type that the database refuses altogether while it accepts other types", async () => {
  const database = new FakeDatabase();
  const bets = batchOf(40, "bet");
  const others = Array.from({ length: 40 }, (_, i) => deliveryOf(gameStart(), `start ${i}`));
  for (const { messageId } of bets) database.refused.set(messageId, badSchema);
  database.probeProblem = badSchema;
  const processing = database.process(bets.flatMap((bet, i) => [bet, others[i]!]));
  await database.clock.advance(60_000);
  deepStrictEqual([database.stored.length, database.gate.problem], [40, badSchema.message]);
  database.refused.clear();
  const processed = await ended(database, processing, 10_000);
  deepStrictEqual([dead(processed), database.stored.length], [[], 80]);
});

Deno.test("bisected() names a bug of our own code as such", async () => {
  const database = new FakeDatabase();
  database.refused.set("message 1", new TypeError("x is not a function"));
  const processed = await ended(database, database.process(batchOf(4)));
  deepStrictEqual(dead(processed), [["message 1", "processing-failed", "x is not a function"]]);
});

Deno.test("bisected() requeues undecided events when it is abandoned, and keeps the stored ones", async () => {
  const database = new FakeDatabase();
  database.probeProblem = notUnique;
  database.refused.set("message 3", outOfRange);
  const processing = database.process(batchOf(4));
  await database.clock.advance(30_000);
  database.abandon.abort();
  const processed = await ended(database, processing);
  deepStrictEqual(processed.map(({ outcome }) => outcome.kind), ["ack", "ack", "ack", "requeue"]);
  strictEqual(database.gate.isOpen, true);
});

Deno.test("Evidence ignores duplicates, because the database may have stored nothing", async () => {
  const evidence = new Evidence(() => Promise.reject(outOfRange), seededRandom(1));
  const watched = (outcome: Outcome) =>
    evidence.watch((deliveries) => Promise.resolve(processedAs(outcome, deliveries)));
  const before = evidence.tick();
  await watched(ackDuplicate)(batchOf(1), never);
  strictEqual(evidence.since(before), false);
  await watched(ack)(batchOf(1), never);
  strictEqual(evidence.since(before), true);
});
