import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { ack, dead } from "../../../shared/rabbitmq/outcome.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { shuttingDown } from "../../../tests/fixtures/subscriber_world.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import { DatabaseGate } from "../database_gate.ts";
import { type Process, type Processed, wait } from "../entry.ts";
import { held } from "./held.ts";
import { holdWith } from "./hold.ts";

const channel = { isLost: false };
const batch = [Object.defineProperty(deliveryOf(bet()), "isLost", { get: () => channel.isLost })];
const [delivery] = batch;
const stored: Processed[] = [{ delivery: delivery!, facts: undefined, outcome: ack }];

/** Holds a process that returns `results` in turn, and then the last one again. */
function holding(...results: (Processed[] | Error)[]) {
  return holdingWith({}, ...results);
}

function holdingWith(
  { isThere }: { readonly isThere?: (ms: number) => boolean },
  ...results: (Processed[] | Error)[]
) {
  const clock = new VirtualClock();
  const isDatabaseThere = isThere && (() => Promise.resolve(isThere(clock.monotonic())));
  const [gate, log, abandon] = [new DatabaseGate(clock), new RecordedLog(), new AbortController()];
  let attempts = 0;
  const process: Process = () => {
    attempts++;
    const result = results.length > 1 ? results.shift()! : results[0]!;
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  const holds = held(
    holdWith({ gate, clock, random: seededRandom(1), log, ...isDatabaseThere && { isDatabaseThere } }),
    gate,
  )(process);
  const again = () => holds([...batch], abandon.signal);
  const result = again();
  result.catch(() => {});
  return { clock, gate, log, abandon, again, result, attempts: () => attempts };
}

Deno.test("held() retries until the database accepts the batch, and keeps the gate closed meanwhile", async () => {
  const { clock, gate, log, result } = holding(shuttingDown(), shuttingDown(), stored);
  await clock.advance(0);
  strictEqual(gate.problem, "the database system is shutting down");
  await clock.advance(1_000);
  deepStrictEqual([await result, gate.isOpen, gate.refusals], [stored, true, 2]);
  deepStrictEqual(log.entries.map(({ fields }) => fields["event"]), ["batch.held", "batch.held"]);
});

Deno.test("held() backs off up to five seconds", async () => {
  const { clock, abandon, result, attempts } = holding(shuttingDown());
  await clock.advance(60_000);
  const inFirstMinute = attempts();
  await clock.advance(60_000);
  deepStrictEqual([inFirstMinute < 30, attempts() - inFirstMinute >= 12], [true, true]);
  abandon.abort();
  deepStrictEqual((await result).map(({ outcome }) => outcome.kind), ["requeue"]);
});

Deno.test("held() retries within 250 ms of a database's return", async () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  for (const error of [refused, shuttingDown(), new Error("Connection terminated unexpectedly")]) {
    for (const returnMs of [12_345, 60_001]) {
      const isThere = (ms: number) => ms >= returnMs;
      const { clock, abandon, attempts } = holdingWith({ isThere }, error);
      await clock.advance(returnMs - 1);
      const before = attempts();
      await clock.advance(251);
      deepStrictEqual([before < returnMs / 1_000, attempts() - before], [true, 1], `${error} ${before} attempts`);
      abandon.abort();
      await clock.advance(0);
    }
  }
});

Deno.test("held() backs off in full from a database that refuses the login or the batch", async () => {
  const refusal = Object.assign(new Error("password authentication failed"), { code: "28P01", severity: "FATAL" });
  for (const error of [refusal, shuttingDown()]) {
    const { clock, abandon, attempts } = holdingWith({ isThere: () => true }, error);
    await clock.advance(60_000);
    const inFirstMinute = attempts();
    strictEqual(inFirstMinute < 30, true, `${inFirstMinute} attempts`);
    abandon.abort();
    await clock.advance(0);
  }
});

Deno.test("held() requeues the batch and starts nothing more once it is abandoned", async () => {
  const { clock, gate, abandon, result, attempts } = holding(shuttingDown());
  await clock.advance(0);
  abandon.abort();
  await clock.advance(60_000);
  deepStrictEqual((await result).map(({ outcome }) => outcome.kind), ["requeue"]);
  deepStrictEqual([attempts(), gate.isOpen], [1, true]);
});

Deno.test("held() rethrows a row's error at once, and holds nothing", async () => {
  const { gate, result } = holding(Object.assign(new Error("bigint out of range"), { code: "22003" }));
  await rejects(result, /out of range/);
  deepStrictEqual([gate.isOpen, gate.refusals], [true, 0]);
});

Deno.test("held() does not open the gate for a batch that stored nothing", async () => {
  const { clock, gate, result } = holding(shuttingDown(), [{
    ...stored[0]!,
    outcome: dead("undecodable", "no event"),
  }]);
  const another = [{}];
  gate.close(another, "read-only");
  await clock.advance(1_000);
  await result;
  strictEqual(gate.problem, "read-only", "of the batch that is held still");
  gate.leave(another);
  strictEqual(gate.isOpen, true, "nothing is said of a batch that is no longer held");
});

Deno.test("held() keeps the gate closed for events that wait for rates, until they return", async () => {
  const waiting: Processed = { ...stored[0]!, outcome: wait };
  const { clock, gate, again, result } = holding(shuttingDown(), [waiting], [waiting], stored);
  await clock.advance(1_000);
  await result;
  strictEqual(gate.problem, "the database system is shutting down");
  await again();
  strictEqual(gate.problem, "the database system is shutting down", "it has waited, and waits once more");
  await again();
  strictEqual(gate.isOpen, true);
});

Deno.test("held() drops redelivered events only after other batches are stored, because its attempts test the database", async () => {
  const { clock, gate, result, attempts } = holding(shuttingDown());
  channel.isLost = true;
  try {
    await clock.advance(60_000);
    const before = attempts();
    await clock.advance(60_000);
    deepStrictEqual([attempts() > before, gate.isOpen], [true, false]);
    gate.open();
    await clock.advance(5_000);
    deepStrictEqual((await result).map(({ outcome }) => outcome.kind), ["requeue"]);
    strictEqual(gate.isOpen, true);
  } finally {
    channel.isLost = false;
  }
});
