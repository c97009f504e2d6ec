/** Held events whose channel is lost. */
import { deepStrictEqual } from "node:assert/strict";
import { timestampOfMs } from "../../../shared/event/timestamp.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { dead, ended, FakeDatabase } from "../../../tests/fixtures/refusing_database.ts";

const pgError = (code: string, message: string) => Object.assign(new Error(message), { code });
const locked = pgError("55P03", "canceling statement due to lock timeout");
const diskFull = pgError("53100", "could not extend file: No space left on device");
const noPartition = pgError("23514", 'no partition of relation "events" found for row');
const [minute, hour] = [60_000, 3_600_000];

/** Returns a batch of events with the current time. */
function batchOf({ clock }: FakeDatabase, count: number, channel: { readonly isLost: boolean }) {
  return Array.from({ length: count }, (_, n) => {
    const delivery = deliveryOf(bet({ createdAt: timestampOfMs(clock.now()) }), `message ${n}`);
    return Object.defineProperty(delivery, "isLost", { get: () => channel.isLost });
  });
}

Deno.test("bisected() lets go of what the broker redelivers once the database accepts others", async () => {
  for (const error of [locked, noPartition]) {
    const database = new FakeDatabase();
    database.refused.set("message 7", error);
    const channel = { isLost: false };
    const processing = database.process(batchOf(database, 21, channel));
    await database.clock.advance(minute);
    deepStrictEqual([database.stored.length, database.gate.problem !== undefined, database.gate.mayTake], [
      20,
      true,
      true,
    ]);
    channel.isLost = true;
    const processed = await ended(database, processing, 10_000);
    deepStrictEqual(processed.filter(({ outcome }) => outcome.kind === "requeue").length, 1);
    deepStrictEqual([dead(processed), database.gate.isOpen], [[], true]);
  }
});

Deno.test("bisected() keeps trying redelivered events while the database takes nothing, because no other batch tests the database", async () => {
  for (const error of [diskFull, noPartition]) {
    const database = new FakeDatabase();
    database.problem = error;
    const processing = database.process(batchOf(database, 5, { isLost: true }));
    await database.clock.advance(hour);
    deepStrictEqual([database.gate.problem !== undefined, database.gate.mayTake], [true, false]);
    database.problem = undefined;
    const processed = await ended(database, processing, 10_000);
    deepStrictEqual([dead(processed), database.stored.length, database.gate.mayTake], [[], 5, true]);
  }
});
