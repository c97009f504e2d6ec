import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ConfirmPublisher, PublishError } from "../../shared/rabbitmq/publisher.ts";
import { eventually, withTestQueues } from "../servers/test_queues.ts";

function message(exchange: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const body = new TextEncoder().encode("a body");
  return { exchange, messageId: crypto.randomUUID(), body, timestampMs: 1_700_000_000_123, appId: "test", ...changes };
}

Deno.test("ConfirmPublisher.publish() resolves when the message is in the queue, persistent and with all its properties", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology });
    const sent = message(events, { headers: { "x-of-ours": "häder" } });
    await publisher.publish(sent);
    const received = await eventually(
      "the message",
      async () => await channel.get(events, { noAck: true }) || undefined,
    );
    const { deliveryMode, messageId, type, contentType, timestamp, appId, headers } = received.properties;
    deepStrictEqual([deliveryMode, messageId, type, contentType, timestamp, appId], [
      2,
      sent.messageId,
      "casino.events.v1.Event",
      "application/x-protobuf",
      1_700_000_000,
      "test",
    ]);
    strictEqual(headers?.["x-of-ours"], "häder");
    strictEqual(new TextDecoder().decode(received.content), "a body");
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.publish() reports a message that no queue takes, though the broker confirms it", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology, giveUpAfterMs: 1_500 });
    await eventually("the publisher", () => publisher.connected || undefined);
    await channel.unbindQueue(events, events, "");
    await rejects(publisher.publish(message(events)), (error: unknown) => {
      strictEqual(error instanceof PublishError && error.reason, "returned");
      match((error as Error).message, /leads to no queue/);
      return true;
    });
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.publish() goes through when a queue is bound before it gives up", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology, giveUpAfterMs: 10_000 });
    await publisher.publish(message(events));
    await channel.unbindQueue(events, events, "");
    const published = publisher.publish(message(events));
    await channel.bindQueue(events, events, "");
    await published;
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.publish() reports what a full queue refuses", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    const [dead, queue] = topology;
    const small = { ...queue!, arguments: { ...queue!.arguments, "x-max-length": 1 } };
    const publisher = new ConfirmPublisher({ ...broker, topology: [dead!, small], giveUpAfterMs: 300 });
    // A quorum queue notices a little late that it is full.
    const refusal = await eventually("a refusal", async () => {
      const error = await publisher.publish(message(events)).catch((error) => error);
      return error?.reason === "refused" ? error : undefined;
    });
    match(refusal.message, /its queue may be full/);
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.publish() refuses at once headers that AMQP cannot carry, and goes on", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology });
    await publisher.publish(message(events));
    // The second is how a foreign table arrives that amqplib takes for a notation of its own.
    const unwritable = { huge: "x".repeat(70_000), foreign: { "!": "long", value: "no number" } };
    for (const header of Object.entries(unwritable)) {
      await rejects(
        publisher.publish(message(events, { headers: Object.fromEntries([header]) })),
        (error: unknown) => error instanceof PublishError && error.reason === "unwritable",
      );
    }
    await publisher.publish(message(events));
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.room() bounds what is in flight", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology, maxInFlight: 10 });
    let most = 0;
    for (let i = 0; i < 200; i++) {
      await publisher.room();
      publisher.send(message(events), () => {});
      most = Math.max(most, publisher.inFlight);
    }
    await publisher.flush();
    strictEqual(most, 10);
    strictEqual(publisher.inFlight, 0);
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.publish() bounds what is in flight, however many callers wait for room", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology, maxInFlight: 10 });
    let most = 0;
    await Promise.all(Array.from({ length: 200 }, async () => {
      await publisher.publish(message(events));
      most = Math.max(most, publisher.inFlight);
    }));
    strictEqual(most <= 10, true, `${most} in flight`);
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.close() reports what the broker never took, when there is no broker", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    const url = "amqp://guest:guest@127.0.0.1:1";
    const publisher = new ConfirmPublisher({ ...broker, url, topology, giveUpAfterMs: 200 });
    await rejects(publisher.publish(message(events)), /there is no connection to the broker/);
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher ends at once on credentials that the broker refuses, without telling them", async () => {
  await withTestQueues(async ({ events, topology, broker }) => {
    const url = broker.url.replace("guest:guest", "guest:wrong-password");
    const publisher = new ConfirmPublisher({ ...broker, url, topology });
    await rejects(publisher.publish(message(events)), (error: unknown) => {
      match((error as Error).message, /ACCESS[_-]REFUSED/);
      strictEqual((error as Error).message.includes("wrong-password"), false);
      return true;
    });
    await rejects(publisher.finished, /ACCESS[_-]REFUSED/);
    // A message that comes later is told the same.
    await rejects(publisher.publish(message(events)), /ACCESS[_-]REFUSED/);
    await publisher.close();
  });
});
