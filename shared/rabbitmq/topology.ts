/** What exists in the broker, as data, and the one place that declares or checks it. Works alike on RabbitMQ 3.10 and 4.x. */
import type { Channel, ChannelModel } from "amqplib";
import type { Config } from "../runtime/configuration/config.ts";
import { deadLetterExchangeOf } from "../runtime/configuration/queue_names.ts";
import { PermanentError } from "../runtime/errors.ts";
import { closeChannel } from "../runtime/deno_workarounds/amqp_close_channel.ts";

export { deadLetterExchangeOf };

type Arguments = Readonly<Record<string, string | number>>;

interface Queue {
  readonly name: string;
  readonly arguments: Arguments;
  /** Those of 0.1.0, which cannot be changed: a queue that exists with them is used as it is. */
  readonly formerArguments?: Arguments;
  /**
   * The fanout exchange that feeds it: any routing key gets there, also a foreign publisher's. Its name is no queue's:
   * RabbitMQ lets whoever may write to one name and read another bind them, and checks names alone.
   */
  readonly exchange: string;
  /** The queue that 0.1.0 bound to the exchange: it is unbound, or it would fill with copies that nobody takes. */
  readonly formerName?: string;
  /** Only checked: this user may not declare it. */
  readonly checkOnly?: boolean;
  /**
   * Its arguments are not known: AMQP tells nobody that a queue exists with others, but who may declare it. What is rejected
   * on a queue without `x-dead-letter-exchange` is gone.
   */
  readonly unverified?: boolean;
}

/** What a member needs to know to declare the topology. */
export type TopologyConfig =
  & Pick<Config, "EVENTS_EXCHANGE" | "EVENTS_QUEUE" | "DEAD_LETTER_QUEUE">
  & Partial<Pick<Config, "TOPOLOGY">>;

export type Topology = readonly Queue[];

/**
 * How often the broker redelivers a message before it dead-letters it: a message that kills its process each time must
 * stop somewhere, and neighbours that were merely in hand then must not be dragged along.
 */
export const deliveryLimit = 20;

/** At-least-once dead lettering falls back to at-most-once, silently, without reject-publish. */
const atLeastOnce = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

/** Reading a dead letter and putting it back counts as a delivery, and RabbitMQ 4 drops at 20 unless told otherwise. */
const deadLetterDeliveryLimit = 1_000_000_000;

export function eventTopology(config: TopologyConfig): Topology {
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE, TOPOLOGY = "declare" } = config;
  const deadLetters = { "x-queue-type": "quorum", "x-delivery-limit": deadLetterDeliveryLimit };
  const deadLetteringTo = (exchange: string) => ({
    ...{ "x-queue-type": "quorum", "x-delivery-limit": deliveryLimit, "x-dead-letter-exchange": exchange },
    ...atLeastOnce,
  });
  const queues: Topology = [
    {
      name: DEAD_LETTER_QUEUE,
      exchange: deadLetterExchangeOf(DEAD_LETTER_QUEUE),
      // A policy's max-length would drop the oldest letters otherwise.
      arguments: { ...deadLetters, "x-overflow": "reject-publish" },
      formerArguments: deadLetters,
    },
    {
      name: EVENTS_QUEUE,
      exchange: EVENTS_EXCHANGE,
      arguments: deadLetteringTo(deadLetterExchangeOf(DEAD_LETTER_QUEUE)),
      formerArguments: deadLetteringTo(DEAD_LETTER_QUEUE),
      ...hasOwnQueueName(config) && { formerName: EVENTS_EXCHANGE },
    },
  ];
  if (TOPOLOGY === "declare") return queues;
  return queues.map((queue) => ({ ...queue, checkOnly: true, unverified: TOPOLOGY === "check" }));
}

/** Whether the queue has the name that replaces 0.1.0's, where queue and exchange shared one. */
export function hasOwnQueueName({ EVENTS_EXCHANGE, EVENTS_QUEUE }: TopologyConfig): boolean {
  return EVENTS_QUEUE === `${EVENTS_EXCHANGE}.queue`;
}

/** Something exists in the broker under a name of ours, but is not what we need; the message tells the way out. */
export class TopologyError extends PermanentError {
  override readonly name = "TopologyError";
}

/** Declares what is there to be declared, and looks for the rest. @throws {TopologyError}, or an Error while something is missing */
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

async function check(channel: Channel, { name, exchange }: Queue): Promise<void> {
  await channel.checkExchange(exchange);
  await channel.checkQueue(name);
}

async function declare(connection: ChannelModel, queue: Queue): Promise<void> {
  const { name, exchange, formerArguments, formerName } = queue;
  const withArguments = (args: Arguments) =>
    onChannel(connection, async (channel) => {
      await channel.assertExchange(exchange, "fanout", { durable: true });
      await channel.assertQueue(name, { durable: true, arguments: args });
      await channel.bindQueue(name, exchange, "");
      // The broker takes it well when there is no such queue or binding.
      if (formerName !== undefined) await channel.unbindQueue(formerName, exchange, "");
    });
  try {
    await withArguments(queue.arguments);
  } catch (error) {
    if ((error as { code?: number }).code !== 406 || !formerArguments) throw error;
    // What the broker says of our own arguments tells more than what it says of the former ones.
    await withArguments(formerArguments).catch(() => Promise.reject(error));
  }
}

/** Uses a channel of its own, for the broker closes it on a refusal. */
export async function onChannel<T>(connection: ChannelModel, use: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  // amqplib emits what the call rejects with anyway.
  channel.on("error", () => {});
  const result = await use(channel);
  await closeChannel(channel);
  return result;
}

function explain(error: Error & { code?: number }, { name, exchange }: Queue): Error {
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
        "With TOPOLOGY=provisioned it only looks for them, and deno task provision declares them.",
    );
  }
  if (error.code === 404) {
    return new Error(
      `The queue ${name} or its exchange ${exchange} is not there yet (${said}): deno task provision declares them.`,
    );
  }
  return error;
}
