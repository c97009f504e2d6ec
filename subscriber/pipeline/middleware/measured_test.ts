import { deepStrictEqual, rejects } from "node:assert/strict";
import { never } from "../../../shared/runtime/deadline.ts";
import { ack, ackDuplicate, dead, requeue } from "../../../shared/rabbitmq/outcome.ts";
import { bet, deliveryOf, someRates } from "../../../tests/fixtures/deliveries.ts";
import { MemoryDatabase } from "../../../tests/fixtures/memory_edges.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import type { Parts } from "../edges.ts";
import { type Process, type Processed, requeued, wait } from "../entry.ts";
import { decodeAll } from "../process_batch.ts";
import { Stats } from "../stats.ts";
import { measured } from "./measured.ts";

function recorded() {
  const seen: unknown[][] = [];
  const stats = new Stats({
    stage: (stage, ms) => void seen.push([stage, ms]),
    batch: (events) => void seen.push(["batch", events]),
    latency: (ms) => void seen.push(["latency", ms]),
  });
  const clock = new VirtualClock();
  return { seen, stats, clock, measure: measured(stats, clock) };
}

function stored(...ages: (number | undefined)[]): Processed[] {
  const now = new VirtualClock().now();
  const deliveries = ages.map((age) => ({
    ...deliveryOf(bet()),
    timestampMs: age === undefined ? undefined : now - age,
  }));
  return decodeAll(deliveries).map((entry) => ({ ...entry, outcome: ack }));
}

Deno.test("measured().attempt records an attempt's duration and its events' age at the commit", async () => {
  const { seen, measure } = recorded();
  const processed = [...stored(20, undefined), requeued({ ...deliveryOf(bet()), timestampMs: 0 })];
  await measure.attempt(() => Promise.resolve(processed))([], never);
  deepStrictEqual(seen, [["process", 0], ["latency", 20]]);
});

Deno.test("measured().attempt takes no latency from a future event, and 0 for skewed clocks", async () => {
  const { seen, measure } = recorded();
  await measure.attempt(() => Promise.resolve(stored(20, -3_600_000, -500)))([], never);
  deepStrictEqual(seen, [["process", 0], ["latency", 20], ["latency", 0]]);
});

Deno.test("measured().attempt samples the age of about sixteen events of a large batch", async () => {
  const { seen, measure } = recorded();
  await measure.attempt(() => Promise.resolve(stored(...Array(500).fill(5))))([], never);
  deepStrictEqual(seen.filter(([name]) => name === "latency").length, 17);
});

Deno.test("measured().attempt counts a failed attempt, and rethrows its error", async () => {
  const { seen, stats, measure } = recorded();
  await rejects(measure.attempt(() => Promise.reject(new Error("away")))([], never), /away/);
  deepStrictEqual([stats.errors.process, seen], [1, [["process", 0]]]);
});

Deno.test("measured().batch counts outcomes, and an event that waits for rates with its last batch", async () => {
  const { seen, stats, measure } = recorded();
  const [entry] = stored(1);
  const processed: Processed[] = [
    entry!,
    { ...entry!, outcome: dead("invalid", "no id") },
    { ...entry!, outcome: requeue },
    { ...entry!, outcome: ackDuplicate },
    { ...entry!, outcome: wait },
  ];
  const give = (result: Processed[]): Process => measure.batch(() => Promise.resolve(result));
  await give(processed)([], never);
  await give([{ ...entry!, outcome: wait }])([], never);
  deepStrictEqual([stats.stored, stats.dead.get("invalid"), stats.requeued, stats.batches], [1, 1, 1, 1]);
  deepStrictEqual([stats.duplicates, stats.withoutPlayer, seen], [1, 1, [["batch", 4]]]);
});

Deno.test("measured() records the duration of decoding, waiting for rates, reporting and settling", async () => {
  const { seen, clock, measure } = recorded();
  const database = new MemoryDatabase();
  const parts: Parts = {
    rates: { current: () => undefined, get: () => clock.sleep(10).then(() => someRates) },
    report: () => clock.sleep(20),
    queue: { take: () => Promise.resolve([]), settle: () => clock.sleep(30) },
    ...{ players: database, store: database },
  };
  const { rates, report, queue } = measure.parts(parts);
  measure.decode(decodeAll)([]);
  const waits = [rates.get(), report([]), queue.settle([], never)];
  await clock.advance(30);
  await Promise.all(waits);
  deepStrictEqual(seen, [["decode", 0], ["rates", 10], ["report", 20], ["settle", 30]]);
});
