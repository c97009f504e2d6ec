import { AmqpConsumer } from "../shared/rabbitmq/consume/consumer.ts";
import type { BrokerOptions } from "../shared/rabbitmq/connection.ts";
import { DeadLetters } from "../shared/rabbitmq/publish/dead_letters.ts";
import { ConfirmPublisher } from "../shared/rabbitmq/publish/publisher.ts";
import { deadLetterExchangeOf, eventsQueuesOf, eventTopology } from "../shared/rabbitmq/topology.ts";
import type { Config } from "../shared/runtime/configuration/config.ts";
import type { DatabaseGate } from "./pipeline/database_gate.ts";

/** The options of both connections, without their names. */
export type Broker = Omit<BrokerOptions, "name">;

export type EventQueueSettings =
  & Pick<Config, "EVENTS_EXCHANGE" | "EVENTS_QUEUE" | "DEAD_LETTER_QUEUE" | "PREFETCH">
  & Partial<Pick<Config, "TOPOLOGY" | "EVENTS_SHARDS" | "EVENTS_SHARDS_TAKEN">>;

/**
 * A subscriber's two connections: one takes and acks, the other publishes to other queues. An alarm blocks only the
 * other.
 */
export interface OpenEventQueue {
  readonly consumer: AmqpConsumer;
  /** Resolves when both are closed. Rejects with an error that no retry cures, such as bad credentials. */
  readonly finished: Promise<unknown>;
  /** Closes both connections. Each may take a while when the broker is silent. */
  close(): Promise<void>;
}

/** Returns the queues that this subscriber takes from: those of all shards unless some are named. */
function takenQueuesOf({ EVENTS_SHARDS_TAKEN: taken = [], ...settings }: EventQueueSettings): readonly string[] {
  const queues = eventsQueuesOf(settings);
  return taken.length > 0 ? queues.filter((_, shard) => taken.includes(shard)) : queues;
}

export function openEventQueue(
  broker: Broker,
  settings: EventQueueSettings,
  subscriberId: string,
  gate: DatabaseGate,
): OpenEventQueue {
  const { clock, random, log } = broker;
  const topology = eventTopology(settings);
  const publisher = new ConfirmPublisher({ ...broker, name: `${subscriberId} dead letters`, topology });
  const moving = { publisher, clock, random, log };
  const consumer = new AmqpConsumer({
    ...broker,
    name: `${subscriberId} events`,
    topology,
    queues: takenQueuesOf(settings),
    prefetch: settings.PREFETCH,
    deadLetters: new DeadLetters({
      ...moving,
      exchange: deadLetterExchangeOf(settings.DEAD_LETTER_QUEUE),
      subscriberId,
    }),
    mayTake: () => gate.mayTake,
  });
  return {
    consumer,
    finished: Promise.all([consumer.finished, publisher.finished]),
    async close() {
      await consumer.close();
      await publisher.close();
    },
  };
}
