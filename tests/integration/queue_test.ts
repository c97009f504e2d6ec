/** The suite on RabbitMQ, and what only a broker that is somewhere else can get wrong. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { RecordedLog } from "../fixtures/recorded_log.ts";
import { AmqpConsumer } from "../../shared/rabbitmq/consumer.ts";
import { DeadLetters } from "../../shared/rabbitmq/dead_letters.ts";
import { DelayQueues } from "../../shared/rabbitmq/delay_queues.ts";
import type { Delivery, Subscription } from "../../shared/rabbitmq/delivery.ts";
import { ConfirmPublisher, PublishError } from "../../shared/rabbitmq/publisher.ts";
import { testQueue } from "../conformance/queue.ts";
import { message, subscriberId, type TestedQueue, type TestPublisher } from "../conformance/queue/subject.ts";
import { eventually, type TestQueues, withTestQueues } from "../servers/test_queues.ts";

testQueue({
  name: "AmqpConsumer",
  withQueue: (use, options) =>
    withTestQueues(async (queues) => {
      const deadLetterPublisher = new ConfirmPublisher({ ...queues.broker, topology: queues.topology });
      const queue = new RabbitQueue(queues, deadLetterPublisher);
      try {
        await eventually("the queues", () => deadLetterPublisher.connected || undefined);
        await use(queue);
      } finally {
        await queue.close();
        await deadLetterPublisher.close();
      }
    }, options),
});

class RabbitQueue implements TestedQueue {
  readonly #opened: { close(): Promise<void> }[] = [];

  constructor(private readonly queues: TestQueues, private readonly deadLetterPublisher: ConfirmPublisher) {}

  openPublisher(): Promise<TestPublisher> {
    const publisher = new RabbitPublisher(this.queues);
    this.#opened.push(publisher);
    return Promise.resolve(publisher);
  }

  async subscribe({ prefetch = 100 } = {}): Promise<Subscription> {
    const { broker, topology, events, dead } = this.queues;
    const publisher = this.deadLetterPublisher;
    const deadLetters = new DeadLetters({ ...broker, exchange: dead, subscriberId, publisher });
    const delayQueues = new DelayQueues({ ...broker, queue: events, publisher });
    const consumer = new AmqpConsumer({ ...broker, topology, queue: events, prefetch, deadLetters, delayQueues });
    this.#opened.push(consumer);
    await eventually("the consumer", () => consumer.consuming || undefined);
    return consumer;
  }

  async ready(): Promise<number> {
    return (await this.queues.channel.checkQueue(this.queues.events)).messageCount;
  }

  async deadLetters(): Promise<Delivery[]> {
    const letters: Delivery[] = [];
    for (let got; (got = await this.queues.channel.get(this.queues.dead, { noAck: true }));) {
      const { messageId, headers = {}, appId, timestamp } = got.properties;
      letters.push({ messageId, body: got.content, headers, appId, timestampMs: timestamp * 1_000 });
    }
    return letters;
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((each) => each.close().catch(() => {})));
  }
}

class RabbitPublisher implements TestPublisher {
  readonly #publisher: ConfirmPublisher;
  readonly #exchange: string;
  readonly #refusals: unknown[] = [];

  constructor({ broker, topology, events }: TestQueues) {
    this.#publisher = new ConfirmPublisher({ ...broker, topology });
    this.#exchange = events;
  }

  async publish(messages: readonly Delivery[]): Promise<void> {
    await Promise.all(messages.map((each) => this.#publisher.publish(this.#outgoing(each))));
  }

  send(messages: readonly Delivery[]): void {
    for (const each of messages) {
      this.#publisher.send(this.#outgoing(each), (error) => error && this.#refusals.push(error));
    }
  }

  async close(): Promise<void> {
    await this.#publisher.close();
    deepStrictEqual(this.#refusals, []);
  }

  #outgoing({ messageId, body, headers, appId = "", timestampMs = 0 }: Delivery) {
    return { exchange: this.#exchange, messageId, body, headers, appId, timestampMs };
  }
}

Deno.test("ConfirmPublisher.publish() fails, in words, on an exchange that is not there", async () => {
  await withTestQueues(async ({ events, broker }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology: [], giveUpAfterMs: 1_500 });
    await eventually("the publisher", () => publisher.connected || undefined);
    await rejects(publisher.publish({ ...message("x"), exchange: events, appId: "", timestampMs: 0 }), (error) => {
      strictEqual(error instanceof PublishError, true);
      match((error as Error).message, new RegExp(`no exchange '${events}'`));
      return true;
    });
    await publisher.close();
  });
});

Deno.test("ConfirmPublisher.publish() declares an exchange again that was deleted, and loses nothing", async () => {
  await withTestQueues(async ({ events, topology, broker, channel }) => {
    const publisher = new ConfirmPublisher({ ...broker, topology });
    const outgoing = (body: string) => ({ ...message(body), exchange: events, appId: "", timestampMs: 0 });
    await publisher.publish(outgoing("before"));
    await channel.deleteExchange(events);
    await Promise.all(Array.from({ length: 20 }, (_, i) => publisher.publish(outgoing(String(i)))));
    await eventually(
      "the messages",
      async () => (await channel.checkQueue(events)).messageCount >= 21 || undefined,
    );
    await publisher.close();
  });
});

Deno.test("AmqpConsumer.finished rejects at the first try on credentials that the broker refuses, without telling them", async () => {
  await withTestQueues(async ({ events, dead, topology, broker }) => {
    const log = new RecordedLog();
    const url = broker.url.replace("guest:guest", "guest:wrong-password");
    const publisher = { publish: () => Promise.resolve() };
    const deadLetters = new DeadLetters({ ...broker, exchange: dead, subscriberId, publisher });
    const consumer = new AmqpConsumer({
      ...{ ...broker, log, url, topology, queue: events, prefetch: 1, deadLetters },
      delayQueues: new DelayQueues({ ...broker, queue: events, publisher }),
    });
    await rejects(consumer.finished, (error: Error) => {
      match(error.message, /ACCESS[_-]REFUSED/);
      strictEqual(error.message.includes("wrong-password"), false);
      return true;
    });
    deepStrictEqual(log.entries, [], "it was not tried again");
    await consumer.close();
  });
});
