import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { ack, dead } from "../../../shared/rabbitmq/outcome.ts";
import { never } from "../../../shared/runtime/deadline.ts";
import type { TraceParent } from "../../../shared/runtime/telemetry/tracing.ts";
import { RecordedTracing } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { MemoryQueue } from "../../../shared/rabbitmq/memory_queue.ts";
import { MemoryDatabase } from "../../../tests/fixtures/memory_edges.ts";
import { type RatesApi, RatesUnavailable } from "../../rates/client.ts";
import { bet, deliveryOf, someRates } from "../../../tests/fixtures/deliveries.ts";
import { mostLinks, spansOf } from "./traced.ts";
import type { Middleware } from "../entry.ts";

const places = {
  queue: "events",
  subscriberId: "subscriber-1",
  brokerUrl: "amqp://guest:secret@broker.example:5672",
  databaseUrl: "postgres://casino:secret@db.example:5432/casino?search_path=test",
  ratesAddress: "rates.example:50051",
};

function parentOf(n: number, sampled: boolean): TraceParent {
  return { traceId: n.toString(16).padStart(32, "f"), spanId: n.toString(16).padStart(16, "e"), sampled };
}

function deliveries(...parents: (TraceParent | undefined)[]): Delivery[] {
  return parents.map((parent) => deliveryWith(parent && new RecordedTracing().inject(parent)));
}

function deliveryWith(traceparent: unknown): Delivery {
  return { ...deliveryOf(bet()), headers: traceparent === undefined ? {} : { traceparent } };
}

/** Not sampled: only a flag that W3C has not defined is set. */
const flagged = `00-${"f".repeat(32)}-${"e".repeat(16)}-02`;

/** Returns a subscriber's parts with spans around them, and the wrapped queue. */
function tracedParts(fetch: RatesApi["fetch"] = () => Promise.resolve(someRates)) {
  const tracing = new RecordedTracing();
  const spans = spansOf(tracing, places);
  const [database, inner] = [new MemoryDatabase(), new MemoryQueue(new VirtualClock())];
  const api = spans.api({ fetch });
  const parts = spans.parts({
    queue: inner,
    rates: { current: () => undefined, get: () => api.fetch(never) },
    players: database,
    store: database,
    report: () => Promise.resolve(),
  });
  return { ...parts, tracing, inner, api, batch: spans.batch };
}

/** Runs the work inside the span of a batch. */
async function around(batch: Middleware, deliveries: readonly Delivery[], work: () => Promise<void>): Promise<void> {
  await batch(() => work().then(() => []))(deliveries, never);
}

Deno.test("a batch's span links to its sampled events and belongs to the first one's trace", async () => {
  const tracing = new RecordedTracing();
  const { batch } = spansOf(tracing, places);
  const [first, second] = [parentOf(1, true), parentOf(2, true)];
  const others = [...deliveries(undefined, parentOf(3, false)), deliveryWith(flagged), deliveryWith(7)];
  const taken = [...others, ...deliveries(first, second)];
  await around(batch, taken, () => Promise.resolve());
  const span = tracing.the("process events");
  const links = [first, second].map((to, n) => ({
    to,
    attributes: { "messaging.message.id": taken[n + 4]!.messageId },
  }));
  deepStrictEqual([span.parent, span.links, span.kind], [first, links, "consumer"]);
  deepStrictEqual(span.attributes, {
    "messaging.system": "rabbitmq",
    "messaging.operation.type": "process",
    "messaging.operation.name": "process",
    "messaging.destination.name": "events",
    "messaging.client.id": "subscriber-1",
    "server.address": "broker.example",
    "server.port": 5672,
    "messaging.batch.message_count": 6,
  });
  strictEqual(span.ended, true);
});

Deno.test("a batch without a sampled event creates no spans", async () => {
  const { tracing, batch, rates, players, store, report, queue } = tracedParts();
  const taken = [...deliveries(undefined, parentOf(1, false)), deliveryWith(flagged)];
  let worked = false;
  await around(batch, taken, async () => {
    await rates.get();
    await players.find([11n]);
    await store.save([]);
    await report([]);
    await queue.settle([], never);
    worked = true;
  });
  deepStrictEqual([worked, tracing.names()], [true, []]);
});

Deno.test("each step of a batch is a child of its span, and the call to the rates API is a child of the wait for rates", async () => {
  const { tracing, batch, rates, players, store, report, queue, inner } = tracedParts();
  inner.publish(...deliveries(parentOf(1, true)));
  const [delivery] = await queue.take(1, never);
  await around(batch, [delivery!], async () => {
    await rates.get();
    await players.find([11n]);
    await store.save([]);
    await report([]);
    await queue.settle([{ delivery: delivery!, outcome: dead("invalid", "no amount") }], never);
  });
  const steps = ["wait for rates", "SELECT players", "COPY events", "report", "settle events"];
  for (const step of steps) deepStrictEqual(tracing.the(step).parent, tracing.the("process events").self, step);
  const call = tracing.the("casino.rates.v1.RatesService/GetRates");
  deepStrictEqual(call.parent, tracing.the("wait for rates").self);
  strictEqual(call.attributes["rpc.response.status_code"], "OK");
  strictEqual(tracing.the("settle events").attributes["casino.outcome.dead"], 1);
  strictEqual(tracing.the("COPY events").attributes["db.namespace"], "casino");
  ok(tracing.spans.every(({ ended }) => ended));
  strictEqual(/secret/.test(JSON.stringify(tracing.spans)), false, "no password in a span");
});

Deno.test("a batch links to at most 128 events", async () => {
  const tracing = new RecordedTracing();
  const taken = deliveries(...Array.from({ length: 200 }, (_, n) => parentOf(n + 1, true)));
  await around(spansOf(tracing, places).batch, taken, () => Promise.resolve());
  strictEqual(tracing.the("process events").links.length, mostLinks);
});

Deno.test("a failed step records its error on its span, and still fails", async () => {
  const failure = new RatesUnavailable("deadline", "the rates API did not answer");
  const { tracing, batch, api } = tracedParts(() => Promise.reject(failure));
  const work = around(batch, deliveries(parentOf(1, true)), async () => void await api.fetch(never));
  await rejects(work, failure);
  const call = tracing.the("casino.rates.v1.RatesService/GetRates");
  deepStrictEqual([call.error, call.attributes["rpc.response.status_code"]], [failure, "DEADLINE_EXCEEDED"]);
  strictEqual(tracing.the("process events").error, failure);
});

Deno.test("settling works without tracing", async () => {
  const { queue, inner } = tracedParts();
  const [delivery] = deliveries(parentOf(1, true));
  inner.publish(delivery!);
  const [taken] = await queue.take(1, never);
  await queue.settle([{ delivery: taken!, outcome: ack }], never);
  deepStrictEqual(inner.acked, [delivery!.messageId]);
});
