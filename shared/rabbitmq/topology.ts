/** What exists in the broker, as data, and the one place that declares or checks it. Works alike on RabbitMQ 3.10 and 4.x. */
import type { ChannelModel } from "amqplib";
import type { Config } from "../runtime/configuration/config.ts";
import { PermanentError } from "../runtime/errors.ts";
import { closeChannel } from "../runtime/deno_workarounds/amqp_close_channel.ts";

interface Queue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number>>;
  /** The fanout exchange that feeds it: any routing key gets there, also a foreign publisher's. */
  readonly exchange: string;
  /** Only checked: this user may not declare it. */
  readonly checkOnly?: boolean;
}

/** What a member needs to know to declare the topology. */
export type TopologyConfig =
  & Pick<Config, "EVENTS_EXCHANGE" | "EVENTS_QUEUE" | "DEAD_LETTER_QUEUE">
  & Partial<Pick<Config, "RETRY_DELAYS_MS" | "TOPOLOGY">>;

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
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE, RETRY_DELAYS_MS = [], TOPOLOGY = "declare" } = config;
  const queues: Topology = [
    {
      name: DEAD_LETTER_QUEUE,
      exchange: DEAD_LETTER_QUEUE,
      arguments: { "x-queue-type": "quorum", "x-delivery-limit": deadLetterDeliveryLimit },
    },
    {
      name: EVENTS_QUEUE,
      exchange: EVENTS_EXCHANGE,
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": deliveryLimit,
        "x-dead-letter-exchange": DEAD_LETTER_QUEUE,
        ...atLeastOnce,
      },
    },
    ...[...new Set(RETRY_DELAYS_MS)].map((ms) => ({
      name: delayQueueOf(EVENTS_QUEUE, ms),
      exchange: delayQueueOf(EVENTS_QUEUE, ms),
      arguments: {
        "x-queue-type": "quorum",
        "x-message-ttl": ms,
        // The default exchange leads to the queue of that name: what else is bound to ours gets nothing twice.
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": EVENTS_QUEUE,
        ...atLeastOnce,
      },
    })),
  ];
  return TOPOLOGY === "declare" ? queues : queues.map((queue) => ({ ...queue, checkOnly: true }));
}

/** Queue, and its exchange, in which events wait this long. */
export function delayQueueOf(eventsQueue: string, ms: number): string {
  return `${eventsQueue}.delay-${ms}`;
}

/** Something exists in the broker under a name of ours, but is not what we need; the message tells the way out. */
export class TopologyError extends PermanentError {
  override readonly name = "TopologyError";
}

/** Declares what is there to be declared, and looks for the rest. @throws {TopologyError}, or an Error while something is missing */
export async function ensureTopology(connection: ChannelModel, topology: Topology): Promise<void> {
  for (const queue of topology) {
    const channel = await connection.createChannel();
    // The broker closes the channel on a refusal, and amqplib emits what the call below rejects with anyway.
    channel.on("error", () => {});
    try {
      if (queue.checkOnly) {
        await channel.checkExchange(queue.exchange);
        await channel.checkQueue(queue.name);
      } else {
        await channel.assertExchange(queue.exchange, "fanout", { durable: true });
        await channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
        await channel.bindQueue(queue.name, queue.exchange, "");
      }
      await closeChannel(channel);
    } catch (error) {
      throw explain(error as Error & { code?: number }, queue);
    }
  }
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
        "With TOPOLOGY=check it only looks for them, and deno task provision declares them.",
    );
  }
  if (error.code === 404) {
    return new Error(
      `The queue ${name} or its exchange ${exchange} is not there yet (${said}): deno task provision declares them.`,
    );
  }
  return error;
}
