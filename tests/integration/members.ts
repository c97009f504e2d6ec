/** Consumers, publishers and messages on a real broker's queues. */
import { Buffer } from "node:buffer";
import type { Channel } from "amqplib";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { AmqpConsumer, type ConsumerOptions } from "../../shared/rabbitmq/consumer.ts";
import { DeadLetters, type DeadLettersOptions } from "../../shared/rabbitmq/dead_letters.ts";
import { DelayQueues } from "../../shared/rabbitmq/delay_queues.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ConfirmPublisher, type PublisherOptions } from "../../shared/rabbitmq/publisher.ts";
import { deadLetterExchangeOf, ensureTopology } from "../../shared/rabbitmq/topology.ts";
import { message, subscriberId } from "../conformance/queue/subject.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { eventually, type TestQueues, withTestQueues } from "../servers/test_queues.ts";

/** A consumer whose dead letters and delays go nowhere, unless a publisher is given. */
export function consumerOn(
  { broker, topology, events, dead }: TestQueues,
  changes: Partial<ConsumerOptions & Pick<DeadLettersOptions, "publisher">> = {},
): AmqpConsumer {
  const common = { ...broker, publisher: { publish: () => Promise.resolve() }, queue: events, ...changes };
  return new AmqpConsumer({
    deadLetters: new DeadLetters({ ...common, exchange: deadLetterExchangeOf(dead), subscriberId }),
    delayQueues: new DelayQueues(common),
    ...{ topology, prefetch: 100, ...common },
  });
}

export async function untilConsuming(consumer: AmqpConsumer): Promise<AmqpConsumer> {
  await eventually("the consumer", () => consumer.consuming);
  return consumer;
}

export async function untilNotConsuming(consumer: AmqpConsumer): Promise<void> {
  await eventually("the consumer to notice", () => !consumer.consuming);
}

export function publisherOn(
  { broker, topology }: TestQueues,
  changes: Partial<PublisherOptions> = {},
): ConfirmPublisher {
  return new ConfirmPublisher({ ...broker, topology, ...changes });
}

export async function untilConnected(publisher: ConfirmPublisher): Promise<ConfirmPublisher> {
  await eventually("the publisher", () => publisher.connected);
  return publisher;
}

/** Queues whose members reach the broker through a proxy; the test's own channel does not. */
export async function withProxiedQueues(use: (queues: TestQueues, proxy: TcpProxy) => Promise<void>): Promise<void> {
  await withTestQueues(async (queues) => {
    await using proxy = await TcpProxy.before(queues.broker.url);
    await use({ ...queues, broker: { ...queues.broker, url: proxy.url } }, proxy);
  });
}

/** Declares the queues as the members do. */
export async function declare({ broker, topology }: TestQueues): Promise<void> {
  const connection = await openConnection(broker);
  await ensureTopology(connection, topology);
  await connection.close();
}

/** A message for the exchange, with a body of its own unless one is given. */
export function outgoing(exchange: string, changes: Partial<Delivery> = {}): OutgoingMessage {
  const { messageId, body, headers, appId = "", timestampMs = 0 } = { ...message("a body"), ...changes };
  return { exchange, messageId, body, headers, appId, timestampMs };
}

export function sendBodies({ channel, events }: TestQueues, bodies: readonly string[], properties = {}): void {
  for (const body of bodies) channel.publish(events, "", Buffer.from(body), properties);
}

export function inQueue({ channel }: Pick<TestQueues, "channel">, queue: string, count: number): Promise<true> {
  return eventually(
    `${count} messages in ${queue}`,
    async () => (await channel.checkQueue(queue)).messageCount === count,
  );
}

export async function getOne(channel: Channel, queue: string) {
  return await eventually(`a message in ${queue}`, async () => await channel.get(queue, { noAck: true }));
}

/** Takes out all messages that wait in the queue. */
export async function getAll(channel: Channel, queue: string): Promise<Delivery[]> {
  const all: Delivery[] = [];
  for (let got; (got = await channel.get(queue, { noAck: true }));) {
    const { messageId, headers = {}, appId, timestamp } = got.properties;
    all.push({ messageId, body: got.content, headers, appId, timestampMs: timestamp * 1_000 });
  }
  return all;
}
