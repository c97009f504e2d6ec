import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { OutgoingMessage } from "../shared/rabbitmq/message.ts";
import { PublishError } from "../shared/rabbitmq/publish/publisher.ts";
import { RecordedTracing } from "../tests/fixtures/recorded_telemetry.ts";
import type { ConfirmedSender } from "./publish.ts";
import { traced } from "./traced.ts";

const brokerUrl = "amqp://guest:secret@broker.example:5672";

/** Confirms a message when the test calls its `settled`. */
class HeldSender implements ConfirmedSender {
  readonly sent: { message: OutgoingMessage; settled: (error?: PublishError) => void }[] = [];
  room = () => undefined;
  send = (message: OutgoingMessage, settled: (error?: PublishError) => void) =>
    void this.sent.push({ message, settled });
  flush = () => Promise.resolve();
}

function message(messageId: string): OutgoingMessage {
  return { exchange: "events", messageId, body: new Uint8Array(7), timestampMs: 0, appId: "publisher" };
}

Deno.test("a publish span is in its message's header, and lasts until the confirm", () => {
  const [tracing, sender] = [new RecordedTracing(), new HeldSender()];
  let told = 0;
  traced(sender, tracing, brokerUrl).send(message("m1"), () => told++);
  const span = tracing.the("publish events");
  const [sent] = sender.sent;
  strictEqual(sent?.message.headers?.["traceparent"], tracing.inject(span.self));
  strictEqual(span.kind, "producer");
  deepStrictEqual(span.attributes, {
    "messaging.system": "rabbitmq",
    "messaging.operation.type": "send",
    "messaging.operation.name": "publish",
    "server.address": "broker.example",
    "server.port": 5672,
    "messaging.destination.name": "events",
    "messaging.message.id": "m1",
    "messaging.message.body.size": 7,
  });
  strictEqual(span.ended, false);
  sent?.settled();
  deepStrictEqual([span.ended, span.error, told], [true, undefined, 1]);
});

Deno.test("a rejected message records its error on its span and returns it to the caller", () => {
  const [tracing, sender] = [new RecordedTracing(), new HeldSender()];
  const told: unknown[] = [];
  traced(sender, tracing, brokerUrl).send(message("m1"), (error) => told.push(error));
  const error = new PublishError("returned", "m1", "the exchange routes to no queue");
  sender.sent[0]?.settled(error);
  strictEqual(tracing.the("publish events").error, error);
  deepStrictEqual(told, [error]);
});

Deno.test("an unsampled message says so in its header, and creates no span", () => {
  const [tracing, sender] = [new RecordedTracing((trace) => trace === 1), new HeldSender()];
  const tracedSender = traced(sender, tracing, brokerUrl);
  for (const id of ["m1", "m2"]) tracedSender.send(message(id), () => {});
  deepStrictEqual(sender.sent.map(({ message }) => String(message.headers?.["traceparent"]).slice(-2)), ["00", "01"]);
  deepStrictEqual(tracing.spans.map(({ attributes }) => attributes["messaging.message.id"]), ["m2"]);
});

Deno.test("spans contain no broker credentials", () => {
  const [tracing, sender] = [new RecordedTracing(), new HeldSender()];
  traced(sender, tracing, brokerUrl).send(message("m1"), () => {});
  strictEqual(/guest|secret/.test(JSON.stringify(tracing.spans)), false);
});
