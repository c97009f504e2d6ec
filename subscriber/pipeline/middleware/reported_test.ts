import { deepStrictEqual, rejects } from "node:assert/strict";
import { never } from "../../../shared/runtime/deadline.ts";
import { ack, ackDuplicate, dead } from "../../../shared/rabbitmq/outcome.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { bet, deliveryOf } from "../../../tests/fixtures/deliveries.ts";
import type { Process } from "../entry.ts";
import { decodeAll } from "../process_batch.ts";
import type { Report } from "../edges.ts";
import { lastMomentMs } from "./last_moment.ts";
import { reported } from "./reported.ts";

const batch = [deliveryOf(bet(), "good"), deliveryOf(bet(), "rejected"), deliveryOf(bet(), "good as well")];
const process: Process = (deliveries) =>
  Promise.resolve(
    decodeAll(deliveries).map((entry) => {
      const outcome = entry.delivery.messageId === "rejected" ? dead("store-rejected", "out of range") : ack;
      return { ...entry, outcome };
    }),
  );

async function outcomesOf(report: Report, signal: AbortSignal, clock = new VirtualClock()): Promise<string[]> {
  const processing = reported(report, clock)(process)(batch, signal);
  processing.catch(() => {});
  await clock.advance(lastMomentMs);
  return (await processing).map(({ outcome }) => outcome.kind);
}

Deno.test("reported() reports the stored events together, once, before the batch ends", async () => {
  const told: string[][] = [];
  const report: Report = (events) => Promise.resolve(void told.push(events.map(({ messageId }) => messageId)));
  deepStrictEqual(await outcomesOf(report, never), ["ack", "dead", "ack"]);
  deepStrictEqual(told, [["good", "good as well"]]);
});

Deno.test("reported() reports events that come twice at once only once, and a duplicate of an earlier batch again", async () => {
  const told: string[] = [];
  const report: Report = (events) => Promise.resolve(void told.push(...events.map(({ messageId }) => messageId)));
  const twice: Process = (deliveries) =>
    Promise.resolve(decodeAll(deliveries).map((entry, n) => ({ ...entry, outcome: n === 0 ? ack : ackDuplicate })));
  const copies = [deliveryOf(bet(), "one"), deliveryOf(bet(), "one"), deliveryOf(bet(), "of before")];
  await reported(report, new VirtualClock())(twice)(copies, never);
  deepStrictEqual(told, ["one", "of before"]);
});

Deno.test("reported() requeues the stored events when nobody reads until the deadline", async () => {
  deepStrictEqual(await outcomesOf(() => new Promise(() => {}), AbortSignal.abort()), ["requeue", "dead", "requeue"]);
});

Deno.test("reported() rethrows the report's error", async () => {
  await rejects(outcomesOf(() => Promise.reject(new Error("a fault of ours")), never), /a fault of ours/);
});
