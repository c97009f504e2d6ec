/** Events that the database refuses with an error that an outage causes too, and events whose partition is missing. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { explainStoreError } from "../../../shared/runtime/errors.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { msOfTimestamp, timestampOfMs } from "../../../shared/event/timestamp.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { batchOf, dead, ended, FakeDatabase } from "../../../tests/fixtures/refusing_database.ts";
import { eventOf } from "../evidence.ts";

const pgError = (code: string, message: string, routine: string) =>
  Object.assign(new Error(message), { code, routine });
const raised = pgError("57P03", "closed for this one", "exec_stmt_raise");
const timedOut = pgError("57014", "canceling statement due to statement timeout", "ProcessInterrupts");
const locked = pgError("55P03", "canceling statement due to lock timeout", "ProcessInterrupts");
const deadlock = pgError("40P01", "deadlock detected", "DeadLockReport");
const diskFull = pgError("53100", "could not extend file: No space left on device", "mdextend");
const damagedPage = pgError("XX001", "invalid page in block 7 of relation base/5/16384", "WaitReadBuffers");
const damagedIndex = pgError("XX002", 'index "events_pkey" contains unexpected zero page', "_bt_checkpage");
const noPartition = pgError("23514", 'no partition of relation "events" found for row', "ExecFindPartition");

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

for (const error of [raised, timedOut]) {
  Deno.test(`bisected() stores the neighbours of an event that ${error.code} refuses at once, and dead-letters it after a minute`, async () => {
    const database = new FakeDatabase();
    database.refused.set("message 7", error);
    const processing = database.process(batchOf(21));
    await database.clock.advance(10_000);
    deepStrictEqual([database.stored.length, new Set(database.stored).size], [20, 20]);
    await database.clock.advance(20_000);
    strictEqual(database.gate.problem, error.message, "it is held still");
    ok(database.permitsBack > 0);
    const processed = await ended(database, processing, 2 * minute);
    deepStrictEqual(dead(processed), [["message 7", "store-rejected", error.message]]);
    deepStrictEqual([database.stored.length, database.gate.isOpen], [20, true]);
  });
}

Deno.test("bisected() holds a batch, whole and with its permit, while such an error refuses everything", async () => {
  for (const error of [raised, timedOut, locked, deadlock, diskFull]) {
    for (const size of [1, 50]) {
      const database = new FakeDatabase();
      database.problem = error;
      const processing = database.process(batchOf(size));
      await database.clock.advance(hour);
      deepStrictEqual([database.stored, database.permitsBack, database.gate.problem], [[], 0, error.message]);
      ok(database.attempts < 1_200, "one attempt or so each 3.75 s");
      database.problem = undefined;
      const processed = await ended(database, processing, 10_000);
      deepStrictEqual([dead(processed), database.stored.length, database.gate.isOpen], [[], size, true]);
    }
  }
});

Deno.test("bisected() holds one event alone for as long as a lock, a deadlock, a full disk or a damaged page blocks it", async () => {
  for (const error of [locked, deadlock, diskFull, damagedPage, damagedIndex]) {
    const database = new FakeDatabase();
    const batch = batchOf(60);
    for (const { messageId } of batch.slice(10, 50)) database.refused.set(messageId, error);
    const processing = database.process(batch);
    await database.clock.advance(hour);
    deepStrictEqual([database.stored.length, database.gate.problem], [20, explainStoreError(error)]);
    ok(database.permitsBack > 0);
    // The database takes ten of the forty: those need not wait for the others.
    for (const { messageId } of batch.slice(40, 50)) database.refused.delete(messageId);
    await database.clock.advance(minute);
    strictEqual(database.stored.length, 30, "they are tried in turn");
    database.refused.clear();
    deepStrictEqual(dead(await ended(database, processing, 10_000)), []);
    deepStrictEqual([database.stored.length, database.gate.isOpen], [60, true]);
  }
});

Deno.test("bisected() dead-letters no good event of a database that fails by chance, at any rate", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const share = 0.2 + 0.15 * (seed % 5);
    const fails = () => database.healed || random.next() > share ? undefined : seed % 2 === 0 ? timedOut : raised;
    const database = Object.assign(new FakeDatabase(), { healed: false, refusesProbe: fails });
    database.before = () => database.problem = fails();
    // Small batches: the fewer the events, the likelier that every attempt fails.
    const batches = Array.from({ length: 60 }, (_, i) => batchOf(1 + i % 2, `batch ${i}`));
    const processing = Promise.all(batches.map((batch) => database.process(batch)));
    processing.catch(() => {});
    await database.clock.advance(hour);
    database.healed = true;
    deepStrictEqual(dead((await ended(database, processing, minute)).flat()), [], `seed ${seed}`);
    deepStrictEqual([database.stored.length, new Set(database.stored).size], [90, 90]);
  }
});

Deno.test("bisected() begins to count again whenever the database accepts no other event either", async () => {
  const database = new FakeDatabase();
  database.refused.set("message 0", raised);
  database.refusesProbe = () => database.probes % 10 === 0 ? raised : undefined;
  const processing = database.process(batchOf(1));
  await database.clock.advance(hour);
  strictEqual(database.gate.problem, raised.message);
  database.refused.clear();
  deepStrictEqual(dead(await ended(database, processing, 10_000)), []);
});

Deno.test("bisected() keeps its count when events come again after a wait for rates", async () => {
  for (const size of [1, 3]) {
    for (const every of [3, 4, 7]) {
      const database = new FakeDatabase();
      database.refusesEvent = () => raised;
      database.lacksRates = () => database.attempts % every === 0;
      const batch = batchOf(size);
      const letters: string[] = [];
      for (let rest = batch, times = 0; rest.length > 0; times++) {
        ok(times < 100, "it comes to an end");
        const processed = await ended(database, database.process(rest), 10 * minute);
        letters.push(...dead(processed).map(([id]) => id!));
        rest = processed.filter(({ outcome }) => outcome.kind === "wait").map(({ delivery }) => delivery);
      }
      deepStrictEqual(letters.toSorted(), batch.map(({ messageId }) => messageId));
    }
  }
});

Deno.test("bisected() retries slow events one turn at a time, for any number of batches", async () => {
  const database = new FakeDatabase();
  let [underWay, most] = [0, 0];
  const names = ["a", "b", "c", "d"];
  for (const name of names) database.refused.set(`${name} 0`, timedOut);
  await database.clock.advance(0);
  database.beforeAttempt = async (deliveries) => {
    if (deliveries.length > 1) return;
    most = Math.max(most, ++underWay);
    await database.clock.sleep(1_000);
    underWay--;
  };
  const processing = Promise.all(names.map((name) => database.process(batchOf(2, name))));
  const processed = await ended(database, processing, 10 * minute);
  deepStrictEqual([most, dead(processed.flat()).length], [1, 4]);
});

/** Returns a database with partitions from `first` (inclusive) to `last` (exclusive), in ms since 1970. */
function partitioned(first: number, last: number) {
  const database = new FakeDatabase();
  const timeOf = (delivery: Parameters<typeof eventOf>[0]) => msOfTimestamp(eventOf(delivery)!.createdAt);
  const partitions = { first, last };
  const isMissing = (ms: number) => ms < partitions.first || ms >= partitions.last;
  database.refusesProbe = (probe) => isMissing(timeOf(probe)) ? noPartition : undefined;
  database.refusesEvent = (delivery) => isMissing(timeOf(delivery)) ? noPartition : undefined;
  const at = (ms: number, name: string) => deliveryOf(bet({ createdAt: timestampOfMs(ms) }), name);
  return { database, partitions, at };
}

Deno.test("bisected() holds current events without a partition, though older ones are stored meanwhile", async () => {
  const today = Date.UTC(2024, 6, 1);
  const { database, partitions, at } = partitioned(today - 90 * day, today);
  for (const [n, ms] of [today, today + day / 2].entries()) {
    const batch = Array.from({ length: 30 }, (_, i) => at(i % 3 === 0 ? today - day : ms + i, `batch ${n}, ${i}`));
    partitions.last = today;
    const processing = database.process(batch);
    for (let seconds = 0; seconds < 300; seconds++) {
      await ended(database, database.process([at(today - 2 * day, `old ${n} ${seconds}`)]), 1_000);
    }
    strictEqual(database.stored.filter((name) => name.startsWith(`batch ${n}`)).length, 10);
    deepStrictEqual([database.gate.problem, database.permitsBack > 0], [
      `${noPartition.message}; create the partition that is missing`,
      true,
    ]);
    partitions.last = today + 10 * day;
    deepStrictEqual(dead(await ended(database, processing, 10_000)), []);
    strictEqual(database.gate.isOpen, true);
  }
});

Deno.test("bisected() dead-letters an event of a time far away that has no partition", async () => {
  const now = Date.UTC(2024, 6, 1);
  for (const [name, far] of Object.entries({ 2199: Date.UTC(2199, 0, 1), 1970: 0, late: now - 36 * day })) {
    for (const neighbours of [0, 20]) {
      const { database, at } = partitioned(now - 30 * day, now + day);
      const batch = [at(far, name), ...Array.from({ length: neighbours }, (_, i) => at(now, `good ${i}`))];
      const processed = await ended(database, database.process(batch));
      deepStrictEqual(dead(processed), [[name, "store-rejected", noPartition.message]]);
      deepStrictEqual([database.stored.length, database.gate.isOpen], [neighbours, true]);
    }
  }
});

Deno.test("bisected() also holds an event of a time far away while there is no partition at all", async () => {
  const now = Date.UTC(2024, 6, 1);
  const { database, partitions, at } = partitioned(now - 90 * day, now - 60 * day);
  const processing = database.process([at(0, "far")]);
  await database.clock.advance(hour);
  strictEqual(database.gate.isOpen, false);
  partitions.last = now + day;
  deepStrictEqual(dead(await ended(database, processing)).length, 1);
});
