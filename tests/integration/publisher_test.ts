/** The publisher on RabbitMQ while its connection is up. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { withoutBrokerHeaders } from "../../shared/rabbitmq/message.ts";
import { type ConfirmPublisher, type PublisherOptions, PublishError } from "../../shared/rabbitmq/publish/publisher.ts";
import {
  eventually,
  getOne,
  outgoing,
  publisherOn,
  type TestQueues,
  untilConnected,
  withTestQueues,
} from "../servers/test_queues.ts";

type Use = (publisher: ConfirmPublisher, queues: TestQueues) => Promise<void>;

/** @param changes returns changes of the publisher's options, given the broker and the topology */
function test(what: string, use: Use, changes: (queues: TestQueues) => Partial<PublisherOptions> = () => ({})): void {
  Deno.test(`ConfirmPublisher${what}`, async () => {
    await withTestQueues(async (queues) => {
      const publisher = publisherOn(queues, changes(queues));
      try {
        await use(publisher, queues);
      } finally {
        await publisher.close();
      }
    });
  });
}

test(".publish() resolves when the message is in the queue with all its properties", async (publisher, queues) => {
  const headers = { "x-of-ours": "häder" };
  const sent = outgoing(queues.events, { headers, timestampMs: 1_700_000_000_123 });
  await publisher.publish(sent);
  const { properties, content } = await getOne(queues.channel, queues.events);
  const { deliveryMode, messageId, type, contentType, timestamp, appId } = properties;
  deepStrictEqual([deliveryMode, messageId, type, contentType, timestamp, appId], [
    ...[2, sent.messageId, "casino.events.v1.Event", "application/x-protobuf", 1_700_000_000, sent.appId],
  ]);
  deepStrictEqual([withoutBrokerHeaders(properties.headers ?? {}), content.toString()], [headers, "a body"]);
});

test(".publish() reports a message that no queue takes, although the broker confirms it", async (publisher, queues) => {
  const { channel, events } = queues;
  await untilConnected(publisher);
  await channel.unbindQueue(events, events, "");
  await rejects(publisher.publish(outgoing(events)), (error: unknown) => {
    strictEqual(error instanceof PublishError && error.reason, "returned");
    match((error as Error).message, /routes to no queue/);
    return true;
  });
}, () => ({ giveUpAfterMs: 1_500 }));

test(".publish() succeeds when a queue is bound before its deadline", async (publisher, { channel, events }) => {
  await publisher.publish(outgoing(events));
  await channel.unbindQueue(events, events, "");
  const published = publisher.publish(outgoing(events));
  await channel.bindQueue(events, events, "");
  await published;
}, () => ({ giveUpAfterMs: 10_000 }));

test(".publish() reports a message that a full queue refuses", async (publisher, { events }) => {
  // A quorum queue notices a little late that it is full.
  const refusal = await eventually("a refusal", async () => {
    const error = await publisher.publish(outgoing(events)).catch((error) => error);
    return error?.reason === "refused" ? error : undefined;
  });
  match(refusal.message, /its queue may be full/);
}, ({ topology: [dead, queue] }) => ({
  topology: [dead!, { ...queue!, arguments: { ...queue!.arguments, "x-max-length": 1 } }],
  giveUpAfterMs: 300,
}));

test(".publish() rejects headers that AMQP cannot carry at once, and continues", async (publisher, { events }) => {
  await publisher.publish(outgoing(events));
  // amqplib takes the second header, a table of a foreign program, for its own notation.
  const unwritable = [{ huge: "x".repeat(70_000) }, { foreign: { "!": "long", value: "no number" } }];
  for (const headers of unwritable) {
    await rejects(
      publisher.publish(outgoing(events, { headers })),
      (error: unknown) => error instanceof PublishError && error.reason === "unwritable",
    );
  }
  await publisher.publish(outgoing(events));
});

/** Larger than this publisher's negotiated frame size, so the broker closes the connection. */
const largeHeaders = { huge: "x".repeat(10_000) };
const smallFrames = ({ broker }: TestQueues) => ({ url: `${broker.url}?frameMax=4096`, giveUpAfterMs: 20_000 });

/**
 * Publishes 100 messages and a large one among them.
 * @returns the outcome of the large message, and the bodies in the queue
 */
async function publishAround(publisher: ConfirmPublisher, { events, channel }: TestQueues, large: object) {
  const numbered = (i: number) => outgoing(events, { body: new TextEncoder().encode(`message ${i}`) });
  const all = Array.from(
    { length: 101 },
    (_, i) =>
      publisher.publish(i === 50 ? { ...numbered(i), ...large } : numbered(i)).then(
        () => "confirmed",
        (error) => error.reason,
      ),
  );
  const became = await Promise.all(all);
  const bodies = new Set<string>();
  let count = 0;
  for (let found; (found = await channel.get(events, { noAck: true })); count++) bodies.add(found.content.toString());
  return { large: became[50], others: new Set(became.toSpliced(50, 1)), bodies: bodies.size, count };
}

test(
  ".publish() rejects at once a message over which the broker closes the connection; the others go, each once",
  async (publisher, queues) => {
    const large = { headers: largeHeaders, alone: true };
    deepStrictEqual(await publishAround(publisher, queues, large), {
      ...{ large: "unacceptable", others: new Set(["confirmed"]), bodies: 100, count: 100 },
    });
  },
  smallFrames,
);

test(
  ".publish() finds the message over which the broker closed the connection among several",
  async (publisher, queues) => {
    const { count, ...rest } = await publishAround(publisher, queues, { headers: largeHeaders });
    deepStrictEqual(rest, { large: "unacceptable", others: new Set(["confirmed"]), bodies: 100 });
    // Messages that arrived before the connection was closed are sent once more.
    strictEqual(count <= 200, true, `${count}`);
  },
  smallFrames,
);

test(".publish() fails with a sentence when the exchange does not exist", async (publisher, { events }) => {
  await untilConnected(publisher);
  await rejects(publisher.publish(outgoing(events)), (error) => {
    strictEqual(error instanceof PublishError, true);
    match((error as Error).message, new RegExp(`no exchange '${events}'`));
    return true;
  });
}, () => ({ topology: [], giveUpAfterMs: 1_500 }));

test(".publish() declares a deleted exchange again, and loses nothing", async (publisher, queues) => {
  const { events, channel } = queues;
  await publisher.publish(outgoing(events));
  await channel.deleteExchange(events);
  await Promise.all(Array.from({ length: 20 }, () => publisher.publish(outgoing(events))));
  await eventually("the messages", async () => (await channel.checkQueue(events)).messageCount >= 21);
});

test(".room() limits the messages in flight", async (publisher, { events }) => {
  let most = 0;
  for (let i = 0; i < 200; i++) {
    await publisher.room();
    publisher.send(outgoing(events), () => {});
    most = Math.max(most, publisher.inFlight);
  }
  await publisher.flush();
  deepStrictEqual([most, publisher.inFlight], [10, 0]);
}, () => ({ maxInFlight: 10 }));

test(".publish() limits the messages in flight for any number of callers", async (publisher, { events }) => {
  let most = 0;
  await Promise.all(Array.from({ length: 200 }, async () => {
    await publisher.publish(outgoing(events));
    most = Math.max(most, publisher.inFlight);
  }));
  strictEqual(most <= 10, true, `${most} in flight`);
}, () => ({ maxInFlight: 10 }));

test(".publish() reports a message as not sent without a broker", async (publisher, { events }) => {
  await rejects(publisher.publish(outgoing(events)), /there is no connection to the broker/);
}, () => ({ url: "amqp://guest:guest@127.0.0.1:1", giveUpAfterMs: 200 }));

test(" stops at once when the broker refuses the credentials, without showing them", async (publisher, { events }) => {
  await rejects(publisher.publish(outgoing(events)), (error: unknown) => {
    match((error as Error).message, /ACCESS[_-]REFUSED/);
    strictEqual((error as Error).message.includes("wrong-password"), false);
    return true;
  });
  await rejects(publisher.finished, /ACCESS[_-]REFUSED/);
  // A later message gets the same error.
  await rejects(publisher.publish(outgoing(events)), /ACCESS[_-]REFUSED/);
}, ({ broker }) => ({ url: broker.url.replace("guest:guest", "guest:wrong-password") }));
