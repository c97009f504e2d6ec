/** `deno bench bench/micro_bench.ts`: the time of each stage of the hot path, for one event or for a batch of 500. */
import { AckRuns } from "../shared/rabbitmq/consume/ack_runs.ts";
import { type OutgoingMessage, publishOptions } from "../shared/rabbitmq/message.ts";
import { decodeEvent, encodeEvent } from "../shared/event/protobuf.ts";
import type { Event } from "../shared/event/event.ts";
import { seededRandom } from "../shared/runtime/random.ts";
import { generateEvents } from "../publisher/generator.ts";
import { openTracing } from "../shared/runtime/telemetry/deno_tracing.ts";
import { traced } from "../publisher/traced.ts";
import { describe } from "../subscriber/pipeline/steps/describe.ts";
import { type Enriched, unenriched } from "../subscriber/enriched/enriched.ts";
import { EventRows } from "../subscriber/store/event_rows.ts";
import { jsonLine } from "../subscriber/enriched/json_line.ts";
import { decodeAll, processBatch } from "../subscriber/pipeline/process_batch.ts";
import { enrichment } from "../subscriber/pipeline/steps/steps.ts";
import { isUnpriced, price } from "../subscriber/pipeline/steps/price.ts";
import { playerNamed, ratesOf } from "../tests/fixtures/deliveries.ts";
import { addTotals } from "../subscriber/store/totals.ts";
import { noSpans, spansOf } from "../subscriber/pipeline/middleware/traced.ts";

/** Enough to fill branch predictors and caches as under load. */
const count = 5_000;
const batchSize = 500;

const rates = ratesOf({ USD: "1.0705", GBP: "0.84638", NZD: "1.7601", JPY: "171.94", BTC: "0.0000176" });
const random = seededRandom(1);
const source = generateEvents({ random, players: 1_000, firstId: 1n, timeMs: (n) => Date.UTC(2024, 5, 28) + n * 20 });
const enriched: Enriched[] = Array.from({ length: count }, () => {
  const { messageId, event } = source.next().value;
  const cost = price(event, rates);
  if (isUnpriced(cost)) throw new Error(cost.detail);
  const player = playerNamed(`player${event.playerId}@example.com`, new Date(1_700_000_000_000));
  const description = describe(event, cost?.eurCents, player.email);
  return { ...unenriched(messageId, event), price: cost, player, description };
});
const bodies = enriched.map(({ event }) => encodeEvent(event));
const batch = enriched.slice(0, batchSize);
const tags = batch.map((_, i) => i + 1);
const shuffled = tags.toSorted((a, b) => a * 7_919 % batchSize - b * 7_919 % batchSize);
const rows = new EventRows("subscriber-1");
const deliveries = batch.map(({ messageId }, n) => ({
  ...{ messageId, body: bodies[n]!, headers: {}, appId: undefined, timestampMs: undefined },
}));
const known = new Map(enriched.map(({ event, player }) => [event.playerId, player!]));
const steps = enrichment({
  rates: { current: () => rates, answerTo: () => undefined },
  players: { find: () => Promise.resolve(known) },
});
const saved = Promise.resolve({ added: batchSize, known: new Map() });
const enrich = processBatch({ decode: decodeAll, steps, store: { save: () => saved } });
const never = new AbortController().signal;

let next = 0;
const each = <T>(items: readonly T[]): T => items[next = (next + 1) % count]!;
/** The engine may skip work whose result is never used. */
let kept: unknown;

Deno.bench("decode", { group: "event" }, () => {
  kept = decodeEvent(each(bodies));
});
Deno.bench("convert", { group: "event" }, () => {
  kept = price(each(enriched).event, rates);
});
Deno.bench("describe", { group: "event" }, () => {
  const { event, price, player }: Enriched & { event: Event } = each(enriched);
  kept = describe(event, price?.eurCents, player?.email);
});
Deno.bench("JSON line", { group: "event" }, () => {
  kept = jsonLine(each(enriched));
});
Deno.bench("decode and enrich", { group: "batch of 500" }, async () => {
  kept = await enrich(deliveries, never);
});
Deno.bench("rows for COPY", { group: "batch of 500" }, async () => {
  await rows.with(batch, (bytes) => Promise.resolve(void (kept = bytes)));
});
Deno.bench("totals", { group: "batch of 500" }, () => {
  kept = addTotals(batch, "subscriber-1");
});
Deno.bench("settle, in order", { group: "batch of 500" }, () => {
  new AckRuns((tag) => kept = tag).settle(tags);
});
Deno.bench("settle, out of order", { group: "batch of 500" }, () => {
  new AckRuns((tag) => kept = tag).settle(shuffled);
});

/** With OTEL_DENO=true this measures the cost of tracing; without it, the cost of disabled tracing. */
const tracing = await openTracing();
const places = {
  queue: "casino.events",
  subscriberId: "subscriber-1",
  brokerUrl: "amqp://127.0.0.1:5672",
  databaseUrl: "postgres://127.0.0.1:5432/casino",
  ratesAddress: "127.0.0.1:50051",
};
const spans = tracing ? spansOf(tracing, places) : noSpans;
const nobody = { room: () => undefined, flush: () => Promise.resolve() };
const sender = {
  ...nobody,
  send(message: OutgoingMessage, settled: () => void) {
    kept = publishOptions(message);
    settled();
  },
};
const tracedSender = tracing ? traced(sender, tracing, places.brokerUrl) : sender;
const deliveriesWith = (flags: (n: number) => string) =>
  batch.map(({ messageId }, n) => ({
    messageId,
    body: bodies[n]!,
    headers: { traceparent: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags(n)}` },
    appId: undefined,
    timestampMs: undefined,
  }));
const unsampled = deliveriesWith(() => "00");
const sampled = deliveriesWith((n) => n % 100 === 0 ? "01" : "00");
const tracedBatch = spans.batch(() => Promise.resolve([]));

Deno.bench("publish", { group: "tracing" }, () => {
  const { messageId } = each(enriched);
  tracedSender.send(
    { exchange: "casino.events", messageId, body: each(bodies), timestampMs: 0, appId: "publisher" },
    () => {},
  );
});
Deno.bench("batch of 500, none sampled", { group: "tracing" }, async () => {
  await tracedBatch(unsampled, never);
});
Deno.bench("batch of 500, 5 sampled", { group: "tracing" }, async () => {
  await tracedBatch(sampled, never);
});

addEventListener("unload", () => void kept);
