import type { ChannelModel } from "amqplib";
import { closeChannel } from "../../shared/runtime/deno_workarounds/amqp_close_channel.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { eventTopology, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { Kept } from "./lazy_connection.ts";
import type { Queues, QueueState, Reader } from "./status.ts";

/** Asks RabbitMQ for its queues; declares none. */
export function queuesReader(config: TopologyConfig & Pick<Config, "RABBITMQ_URL">, clock: Clock): Reader<Queues> {
  const { RABBITMQ_URL: url, EVENTS_QUEUE, DEAD_LETTER_QUEUE } = config;
  const kept = new Kept<ChannelModel>({
    ...{ server: "RabbitMQ", url, clock },
    async open() {
      const connection = await openConnection({ url, name: "casino status" });
      // Its loss is told by the next question, which fails.
      connection.on("error", () => {});
      return connection;
    },
    close: (connection) => connection.close(),
  });
  const names = eventTopology(config).map(({ name }) => name);
  return {
    read: () =>
      kept.ask(async (connection) => {
        const states = await Promise.all(names.map((name) => stateOf(connection, name)));
        const found = (wanted: string) => states.find(({ name }) => name === wanted)!;
        return {
          events: found(EVENTS_QUEUE),
          dead_letters: found(DEAD_LETTER_QUEUE),
          delayed: states.filter(({ name }) => name !== EVENTS_QUEUE && name !== DEAD_LETTER_QUEUE),
        };
      }),
    close: () => kept.close(),
  };
}

/** On a channel of its own, for the broker closes the one on which it was asked for a queue that is not there. */
async function stateOf(connection: ChannelModel, name: string): Promise<QueueState> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    await closeChannel(channel);
    return { name, messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if ((error as { code?: unknown }).code !== 404) throw error;
    return { name, messages: null, consumers: null };
  }
}
