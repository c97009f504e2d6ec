/** The broker topology as data. The only module that declares or checks it; works on RabbitMQ 3.10 and 4.x. */
import type { Channel, ChannelModel } from "amqplib";
import type { Config } from "../runtime/configuration/config.ts";
import { deadLetterExchangeOf, shardQueuesOf, shardsExchangeOf } from "../runtime/configuration/queue_names.ts";
import { PermanentError } from "../runtime/errors.ts";
import { closeChannel } from "../runtime/deno_workarounds/amqp_close_channel.ts";

export { deadLetterExchangeOf };

type Arguments = Readonly<Record<string, string | number>>;

interface Binding {
  /**
   * Its name differs from every queue's name: RabbitMQ checks bind permissions by name, not by kind. A user who may
   * read a queue could bind an exchange of the same name to any queue that this user may write to.
   */
  readonly exchange: string;
  /** A fanout exchange accepts any routing key, also a foreign publisher's. */
  readonly type: "fanout" | "direct";
  readonly key: string;
  /** Exchange of the messages whose routing key has no binding. */
  readonly alternate?: string;
}

interface Queue {
  readonly name: string;
  readonly arguments: Arguments;
  /** Arguments of version 0.1.0. Arguments cannot be changed, so an existing queue with them is used as it is. */
  readonly formerArguments?: Arguments;
  readonly bindings: readonly Binding[];
  /** The queue that version 0.1.0 bound to the first exchange. It is unbound, or it would fill with unconsumed copies. */
  readonly formerName?: string;
  /** Only checked, not declared: this user may not declare it. */
  readonly checkOnly?: boolean;
  /**
   * Its arguments are unknown: AMQP reveals other arguments only to a user who may declare the queue. Without an
   * `x-dead-letter-exchange`, the queue drops rejected messages.
   */
  readonly unverified?: boolean;
}

/** The settings that the topology depends on. */
export type TopologyConfig =
  & Pick<Config, "EVENTS_EXCHANGE" | "EVENTS_QUEUE" | "DEAD_LETTER_QUEUE">
  & Partial<Pick<Config, "TOPOLOGY" | "EVENTS_SHARDS">>;

export type Topology = readonly Queue[];

/**
 * How often the broker redelivers a message before it dead-letters it. The limit stops a poison message that kills its
 * process at each delivery. It is high enough for other messages that the same processes held.
 */
export const deliveryLimit = 20;

/** Without reject-publish, RabbitMQ silently falls back to at-most-once dead lettering. */
const atLeastOnce = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

/** Reading and requeuing a dead letter counts as a delivery, and RabbitMQ 4 drops a message after 20 by default. */
const deadLetterDeliveryLimit = 1_000_000_000;

/** Otherwise a shard's leader is on the node that it was declared on. The first queue exists without the argument. */
const spreadLeaders = { "x-queue-leader-locator": "balanced" };

export function eventTopology(config: TopologyConfig): Topology {
  const { EVENTS_EXCHANGE, DEAD_LETTER_QUEUE, TOPOLOGY = "declare" } = config;
  const [events, ...shards] = eventsQueuesOf(config);
  const deadLetters = { "x-queue-type": "quorum", "x-delivery-limit": deadLetterDeliveryLimit };
  const deadLetteringTo = (exchange: string) => ({
    ...{ "x-queue-type": "quorum", "x-delivery-limit": deliveryLimit, "x-dead-letter-exchange": exchange },
    ...atLeastOnce,
  });
  const queues: Topology = [
    {
      name: DEAD_LETTER_QUEUE,
      bindings: [fanout(deadLetterExchangeOf(DEAD_LETTER_QUEUE))],
      // Without reject-publish, a policy's max-length would drop the oldest letters.
      arguments: { ...deadLetters, "x-overflow": "reject-publish" },
      formerArguments: deadLetters,
    },
    {
      name: events!,
      bindings: [fanout(EVENTS_EXCHANGE), ...shards.length > 0 ? [shardBinding(EVENTS_EXCHANGE, 0)] : []],
      arguments: deadLetteringTo(deadLetterExchangeOf(DEAD_LETTER_QUEUE)),
      formerArguments: deadLetteringTo(DEAD_LETTER_QUEUE),
      ...hasOwnQueueName(config) && { formerName: EVENTS_EXCHANGE },
    },
    ...shards.map((name, i) => ({
      name,
      bindings: [shardBinding(EVENTS_EXCHANGE, i + 1)],
      arguments: { ...deadLetteringTo(deadLetterExchangeOf(DEAD_LETTER_QUEUE)), ...spreadLeaders },
    })),
  ];
  if (TOPOLOGY === "declare") return queues;
  return queues.map((queue) => ({ ...queue, checkOnly: true, unverified: TOPOLOGY === "check" }));
}

/** Returns the queues that hold events, one a shard. */
export function eventsQueuesOf({ EVENTS_QUEUE, EVENTS_SHARDS = 1 }: TopologyConfig): readonly string[] {
  return shardQueuesOf(EVENTS_QUEUE, EVENTS_SHARDS);
}

/** Returns the exchanges, each once. */
export function exchangesOf(topology: Topology): readonly string[] {
  return [...new Set(topology.flatMap(({ bindings }) => bindings.map(({ exchange }) => exchange)))];
}

function fanout(exchange: string): Binding {
  return { exchange, type: "fanout", key: "" };
}

/**
 * A message whose shard has no queue goes to the events exchange, and so to the first queue: nothing is lost when
 * publisher and subscribers count the shards differently.
 */
function shardBinding(exchange: string, shard: number): Binding {
  return { exchange: shardsExchangeOf(exchange), type: "direct", key: String(shard), alternate: exchange };
}

/** Whether the queue has the name that replaces version 0.1.0's, in which queue and exchange shared one name. */
export function hasOwnQueueName({ EVENTS_EXCHANGE, EVENTS_QUEUE }: TopologyConfig): boolean {
  return EVENTS_QUEUE === `${EVENTS_EXCHANGE}.queue`;
}

/** A queue or exchange exists with other properties than we need. The message says what to do. */
export class TopologyError extends PermanentError {
  override readonly name = "TopologyError";
}

/**
 * Declares the topology, or checks the parts that this user may not declare.
 * @throws {TopologyError}, or an Error while a part is missing
 */
export async function ensureTopology(connection: ChannelModel, topology: Topology): Promise<void> {
  for (const queue of topology) {
    try {
      if (queue.checkOnly) await onChannel(connection, (channel) => check(channel, queue));
      else await declare(connection, queue);
    } catch (error) {
      throw explain(error as Error & { code?: number }, queue);
    }
  }
}

async function check(channel: Channel, { name, bindings }: Queue): Promise<void> {
  for (const { exchange } of bindings) await channel.checkExchange(exchange);
  await channel.checkQueue(name);
}

async function declare(connection: ChannelModel, queue: Queue): Promise<void> {
  const { name, bindings, formerArguments, formerName } = queue;
  const withArguments = (args: Arguments) =>
    onChannel(connection, async (channel) => {
      for (const { exchange, type, alternate } of bindings) {
        await channel.assertExchange(exchange, type, {
          durable: true,
          ...alternate !== undefined && { alternateExchange: alternate },
        });
      }
      await channel.assertQueue(name, { durable: true, arguments: args });
      for (const { exchange, key } of bindings) await channel.bindQueue(name, exchange, key);
      // The broker ignores an unbind of a missing queue or binding.
      if (formerName !== undefined) await channel.unbindQueue(formerName, bindings[0]!.exchange, "");
    });
  try {
    await withArguments(queue.arguments);
  } catch (error) {
    if ((error as { code?: number }).code !== 406 || !formerArguments) throw error;
    // The broker's error about our current arguments says more than its error about the former ones.
    await withArguments(formerArguments).catch(() => Promise.reject(error));
  }
}

/** Calls `use` with a new channel: the broker closes the channel when it rejects a request. */
export async function onChannel<T>(connection: ChannelModel, use: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  // The call rejects with the same error; without a listener, the event would end the process.
  channel.on("error", () => {});
  const result = await use(channel);
  await closeChannel(channel);
  return result;
}

function explain(error: Error & { code?: number }, { name, bindings }: Queue): Error {
  const exchange = bindings.map(({ exchange }) => exchange).join(" or ");
  const said = error.message.replace(/^.*?with message "(.*)"$/s, "$1");
  if (error.code === 406) {
    return new TopologyError(
      `The queue ${name} or the exchange ${exchange} exists with other properties (${said}). It was probably declared by ` +
        `another program or version: delete it once it is empty, or choose another name with EVENTS_QUEUE, ` +
        `EVENTS_EXCHANGE or DEAD_LETTER_QUEUE.`,
    );
  }
  if (error.code === 403) {
    return new TopologyError(
      `The broker's user may not declare the queue ${name} or the exchange ${exchange} (${said}). ` +
        "Declare both with deno task provision, and set TOPOLOGY=provisioned, with which members only check them.",
    );
  }
  if (error.code === 404) {
    return new Error(
      `The queue ${name} or its exchange ${exchange} does not exist (${said}): declare both with deno task provision.`,
    );
  }
  return error;
}
