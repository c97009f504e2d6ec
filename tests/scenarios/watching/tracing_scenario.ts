/** One event's path, as a collector receives it: from its publication to its commit, and the call for its rates. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { schemaUrl } from "../../../shared/runtime/telemetry/tracing.ts";
import { OtlpReceiver, type ReceivedSpan } from "./otlp_receiver.ts";
import { project, withWorld, type World } from "../../harness/world.ts";
import { runProgram } from "../../../tools/run_program.ts";

const call = "casino.rates.v1.RatesService/GetRates";

/** One bet in USD, which needs rates, and a deposit in EUR, which does not. */
const events = [
  ...[{ id: 1, player_id: 11, game_id: 100, type: "bet", amount: 500, currency: "USD" }],
  ...[{ id: 2, player_id: 12, type: "deposit", amount: 10_000, currency: "EUR" }],
].map((event) => JSON.stringify({ ...event, created_at: "2024-06-28T12:00:00Z" })).join("\n");

/** The rates API has no rate for CLP. */
const inPesos = events.split("\n")[0]!.replace("USD", "CLP");

async function publish(world: World, env: Record<string, string> = {}, lines = events): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".ndjson" });
  await Deno.writeTextFile(file, lines);
  await world.members.runToEnd("publisher", ["--input", file], { ...world.env, ...env });
  await Deno.remove(file);
}

/** Returns the traceparent headers of the queue's messages, and requeues the messages. */
async function headersInQueue(world: World): Promise<unknown[]> {
  const messages = [];
  for (let message; (message = await world.channel.get(world.events));) messages.push(message);
  for (const message of messages) world.channel.nack(message, false, true);
  return messages.map(({ properties }) => properties.headers?.["traceparent"]);
}

/** The ancestors of `span` up to the first span of its trace, as far as they were received. */
function ancestors(receiver: OtlpReceiver, span: ReceivedSpan): ReceivedSpan[] {
  const parent = receiver.spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent ? [parent, ...ancestors(receiver, parent)] : [];
}

Deno.test("an event's path from publisher to commit, and the call for its rates, are spans of one trace", async () => {
  await using receiver = new OtlpReceiver();
  await withWorld(async (world) => {
    await publish(world, { OTEL_SERVICE_NAME: "publisher", OTEL_TRACES_SAMPLER: "always_on" });
    const rates = await world.startRatesApi();
    const subscriber = await world.startSubscriber("traced", { OTEL_SERVICE_NAME: "subscriber" });
    await world.untilSettled(2);
    const logged = subscriber.records.find(({ event }) => event === "rates.fetched");
    // Members send their last spans when they stop.
    await world.stop(subscriber);
    await world.stop(rates);

    const published = receiver.named(`publish ${world.events}`);
    strictEqual(published.length, 2);
    strictEqual(new Set(published.map(({ traceId }) => traceId)).size, 2, "each event begins a trace");
    const { message_id } = await world.sql.one("select message_id from events where event_id = 1");
    const send = published.find(({ attributes }) => attributes["messaging.message.id"] === message_id);
    ok(send, "the bet's publish span has its message id");
    deepStrictEqual([send.kind, send.parentSpanId, send.service, send.schemaUrl], [4, "", "publisher", schemaUrl]);

    // The first batch sets the bet aside, the second stores it.
    const [first, batch] = receiver.named(`process ${world.events}`)
      .filter(({ links }) => links.some(({ spanId }) => spanId === send.spanId))
      .sort((a, b) => Number(a.begun - b.begun));
    ok(first && batch, "two batches link to the bet's publish span");
    deepStrictEqual([batch.kind, batch.service], [5, "subscriber"]);
    deepStrictEqual([batch.traceId, batch.parentSpanId], [send.traceId, send.spanId]);
    strictEqual(batch.attributes["messaging.batch.message_count"], 1n, "an integer, as the conventions have it");

    const step = (name: string) => {
      const [span, ...more] = receiver.named(name).filter(({ parentSpanId }) => parentSpanId === batch.spanId);
      ok(span && more.length === 0, `one "${name}" in the bet's batch`);
      return span;
    };
    const [find, save] = [step("SELECT players"), step("COPY events")];
    const [report, settle] = [step("report"), step(`settle ${world.events}`)];
    const [wait, ...otherWaits] = receiver.named("wait for rates");
    ok(wait && otherWaits.length === 0 && ancestors(receiver, wait).includes(first), "one wait, of the first batch");
    ok(wait.ended <= find.begun && find.ended <= save.begun, "rates, then players, then the store");
    ok(save.ended <= report.begun && report.ended <= settle.begun, "acked only once it is committed and reported");
    deepStrictEqual([settle.attributes["casino.outcome.ack"], settle.failed], [1n, false]);

    const calls = receiver.named(call);
    const client = calls.find(({ kind }) => kind === 3);
    const server = calls.find(({ kind }) => kind === 2);
    ok(client && server && calls.length === 2, "the call for rates, at both its ends");
    strictEqual(client.parentSpanId, wait.spanId);
    strictEqual(server.attributes["rpc.response.status_code"], "OK");
    ok(ancestors(receiver, server).includes(client), "the rates API's span descends from the call's");
    ok(ancestors(receiver, server).includes(send), "and so from the event's publish span");

    deepStrictEqual([logged?.["trace_id"], logged?.["span_id"]], [wait.traceId, wait.spanId], "logs name their span");

    const { password } = new URL(world.env["DATABASE_URL"]!);
    for (const secret of [world.env["RATES_API_KEY"]!, `:${password}@`]) {
      strictEqual(receiver.text.includes(secret), false, "no secret leaves a member");
    }
    // As in docs/tracing.md, only the publisher begins traces.
  }, { env: { ...receiver.env, OTEL_TRACES_SAMPLER: "parentbased_always_off" } });
});

Deno.test("the subscriber records nothing of unsampled events", async () => {
  await using receiver = new OtlpReceiver();
  await withWorld(async (world) => {
    await publish(world, { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" });
    const headers = await headersInQueue(world);
    deepStrictEqual(headers.map((header) => String(header).endsWith("-00")), [true, true]);
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("untraced", { OTEL_TRACES_SAMPLER: "parentbased_always_off" });
    await world.untilSettled(2);
    await world.stop(subscriber);
    strictEqual((await world.ratesStats()).calls, 1);
    await world.stopAll();
    deepStrictEqual(receiver.spans.filter(({ scope }) => scope === "casino").map(({ name }) => name), []);
  }, { env: receiver.env });
});

Deno.test("a dead letter keeps its publish span, and a batch that consumes it again links to it", async () => {
  await using receiver = new OtlpReceiver();
  await withWorld(async (world) => {
    await publish(world, {}, inPesos);
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("refusing");
    await world.untilSettled(0, 1);
    const [letter] = await world.deadLetters();
    await world.replay("--all");
    await world.untilSettled(0, 1);
    await world.stop(subscriber);
    const [send] = receiver.named(`publish ${world.events}`);
    strictEqual(String(letter?.headers["traceparent"]).split("-")[2], send?.spanId);
    // The first batch sets the event aside until there are rates; the second and the third dead-letter it.
    const batches = receiver.named(`process ${world.events}`);
    deepStrictEqual(batches.map(({ links }) => links.map(({ spanId }) => spanId)), Array(3).fill([send?.spanId]));
    const settled = receiver.named(`settle ${world.events}`);
    deepStrictEqual(settled.map(({ attributes }) => attributes["casino.outcome.dead"]), [1n, 1n]);
  }, { env: receiver.env });
});

Deno.test("without tracing, members send no spans, and messages have no trace header", async () => {
  await using receiver = new OtlpReceiver();
  await withWorld(async (world) => {
    await publish(world);
    deepStrictEqual(await headersInQueue(world), [undefined, undefined]);
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("off");
    await world.untilSettled(2);
    await world.stop(subscriber);
    strictEqual(receiver.requests, 0);
  }, { env: { ...receiver.env, OTEL_DENO: "false" } });
});

Deno.test("W3C's examples are read and written, and anything else is rejected", async () => {
  const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const span = { traceId, spanId, sampled: true };
  const cases: [unknown, typeof span | undefined][] = [
    [`00-${traceId}-${spanId}-01`, span],
    [`00-${traceId}-${spanId}-00`, { ...span, sampled: false }],
    // Only the sampled flag counts, and a later version may have more fields.
    [`00-${traceId}-${spanId}-02`, { ...span, sampled: false }],
    [`cc-${traceId}-${spanId}-01-what-the-future-holds`, span],
    ...[null, 7, {}, "", "00", `00-${traceId}-${spanId}`, `00-${traceId}-${spanId}-01-more`]
      .map((header): [unknown, undefined] => [header, undefined]),
    ...[`ff-${traceId}-${spanId}-01`, `00-${"0".repeat(32)}-${spanId}-01`, `00-${traceId.toUpperCase()}-${spanId}-01`]
      .map((header): [unknown, undefined] => [header, undefined]),
  ];
  const program = `
    import { openTracing } from "./shared/runtime/telemetry/deno_tracing.ts";
    const tracing = await openTracing();
    const headers = ${JSON.stringify(cases.map(([header]) => header))};
    const written = tracing.inject(${JSON.stringify(span)});
    console.log(JSON.stringify({ written, read: headers.map((header) => tracing.extract(header) ?? null) }));`;
  await using receiver = new OtlpReceiver();
  const env = { ...receiver.env, OTEL_DENO: "true" };
  const { written, read } = JSON.parse(await runProgram(Deno.execPath(), ["eval", program], { cwd: project, env }));
  strictEqual(written, cases[0]![0]);
  deepStrictEqual(read, cases.map(([, expected]) => expected ?? null));
});
