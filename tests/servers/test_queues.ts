/** A real broker's queues for one test, which are removed afterwards, with consumers, publishers, messages and bets. */
import { Buffer } from "node:buffer";
import { type Channel, connect } from "amqplib";
import { systemClock } from "../../shared/runtime/clock.ts";
import { systemRandom } from "../../shared/runtime/random.ts";
import { servers, uniqueName } from "./servers.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { type BrokerOptions, openConnection } from "../../shared/rabbitmq/connection.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { bet } from "../fixtures/deliveries.ts";
import {
  deadLetterExchangeOf,
  ensureTopology,
  eventsQueuesOf,
  eventTopology,
  exchangesOf,
  type Topology,
} from "../../shared/rabbitmq/topology.ts";
import { AmqpConsumer, type ConsumerOptions } from "../../shared/rabbitmq/consume/consumer.ts";
import { DeadLetters, type DeadLettersOptions } from "../../shared/rabbitmq/publish/dead_letters.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import type { OutgoingMessage } from "../../shared/rabbitmq/message.ts";
import { ConfirmPublisher, type PublisherOptions } from "../../shared/rabbitmq/publish/publisher.ts";
import { message, subscriberId } from "../conformance/queue/subject.ts";
import { TcpProxy } from "./tcp_proxy.ts";
import { eventually } from "../fixtures/eventually.ts";

export { eventually };

export interface TestQueues {
  readonly events: string;
  readonly dead: string;
  /** All queues of events, one a shard. */
  readonly queues: readonly string[];
  readonly topology: Topology;
  readonly broker: BrokerOptions;
  /** The test's own channel. */
  readonly channel: Channel;
}

export async function withTestQueues(
  use: (queues: TestQueues) => Promise<void>,
  shards = 1,
): Promise<void> {
  const events = uniqueName("test.events");
  const dead = `${events}.dead`;
  const connection = await connect(servers.RABBITMQ_URL);
  const channel = await connection.createChannel();
  const broker = { url: servers.RABBITMQ_URL, name: events, clock: systemClock, random: systemRandom, log: silentLog };
  const names = { EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead };
  const config = { ...names, EVENTS_SHARDS: shards };
  const topology = eventTopology(config);
  try {
    await use({ events, dead, queues: eventsQueuesOf(config), topology, broker, channel });
  } finally {
    for (const { name } of topology) await channel.deleteQueue(name);
    for (const exchange of exchangesOf(topology)) await channel.deleteExchange(exchange);
    await connection.close();
  }
}

type Target = Pick<TestQueues, "channel" | "events">;

/** @param currency EUR for a bet that needs no rates */
export function publishBet({ channel, events }: Target, id: number, currency = "USD"): void {
  const body = Buffer.from(encodeEvent(bet({ id: BigInt(id), currency })));
  channel.publish(events, "", body, { messageId: uuidOf(id) });
}

export function publishBets(target: Target, count: number): void {
  for (let id = 1; id <= count; id++) publishBet(target, id);
}

export function uuidOf(id: number): string {
  return `00000000-0000-7000-8000-${String(id).padStart(12, "0")}`;
}

/** Opens a consumer. Its dead letters and delays are dropped unless a publisher is given. */
export function consumerOn(
  { broker, topology, queues, dead }: TestQueues,
  changes: Partial<ConsumerOptions & Pick<DeadLettersOptions, "publisher">> = {},
): AmqpConsumer {
  const common = { ...broker, publisher: { publish: () => Promise.resolve() }, queues, ...changes };
  return new AmqpConsumer({
    deadLetters: new DeadLetters({ ...common, exchange: deadLetterExchangeOf(dead), subscriberId }),
    ...{ topology, prefetch: 100, ...common },
  });
}

/** Returns a `connect` option, and the cancels and closes of its channels: sent, and answered by the broker. */
export function recordedLeaving(): {
  readonly said: string[];
  readonly connect: NonNullable<BrokerOptions["connect"]>;
} {
  const said: string[] = [];
  return {
    said,
    async connect(options) {
      const connection = await openConnection(options);
      const create = connection.createChannel.bind(connection);
      connection.createChannel = async () => {
        const channel = await create();
        const [cancel, close] = [channel.cancel.bind(channel), channel.close.bind(channel)];
        channel.cancel = async (tag) => {
          said.push("cancel");
          const answer = await cancel(tag);
          said.push("cancelled");
          return answer;
        };
        channel.close = () => {
          said.push("close");
          return close();
        };
        return channel;
      };
      return connection;
    },
  };
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

/** Runs `use` with queues whose members reach the broker through a proxy; the test's own channel does not. */
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

/** Returns a message for the exchange, with a generated body by default. */
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

/** Takes all ready messages out of the queue. */
export async function getAll(channel: Channel, queue: string): Promise<Delivery[]> {
  const all: Delivery[] = [];
  for (let got; (got = await channel.get(queue, { noAck: true }));) {
    const { messageId, headers = {}, appId, timestamp } = got.properties;
    all.push({ messageId, body: got.content, headers, appId, timestampMs: timestamp * 1_000 });
  }
  return all;
}
