/** How full the queues are, by a connection of its own, so that no question waits behind deliveries. */
import type { Channel, ChannelModel } from "amqplib";
import { openConnection } from "../../shared/amqp/connection.ts";

export interface Depths {
  readonly events: { readonly messages: number; readonly consumers: number };
  readonly dead: { readonly messages: number };
}

export interface QueueDepths {
  /** @throws when the broker does not answer, or has no such queue */
  read(): Promise<Depths>;
  close(): Promise<void>;
}

export interface AmqpQueueDepthsOptions {
  readonly url: string;
  readonly name: string;
  readonly eventsQueue: string;
  readonly deadLetterQueue: string;
}

export class AmqpQueueDepths implements QueueDepths {
  #channel: Promise<{ connection: ChannelModel; channel: Channel }> | undefined;

  constructor(private readonly options: AmqpQueueDepthsOptions) {}

  async read(): Promise<Depths> {
    const { eventsQueue, deadLetterQueue } = this.options;
    const { channel } = await (this.#channel ??= this.#open());
    const [events, dead] = await Promise.all([channel.checkQueue(eventsQueue), channel.checkQueue(deadLetterQueue)]);
    return {
      events: { messages: events.messageCount, consumers: events.consumerCount },
      dead: { messages: dead.messageCount },
    };
  }

  async close(): Promise<void> {
    const opened = await this.#channel?.catch(() => undefined);
    await opened?.connection.close().catch(() => {});
  }

  /** Whatever ends the channel, a lost connection or a queue that is not there: the next question opens another. */
  async #open(): Promise<{ connection: ChannelModel; channel: Channel }> {
    const forget = () => this.#channel = undefined;
    try {
      const connection = await openConnection(this.options);
      connection.on("error", () => {}).on("close", forget);
      const channel = await connection.createChannel();
      channel.on("error", () => {}).on("close", () => {
        forget();
        connection.close().catch(() => {});
      });
      return { connection, channel };
    } catch (error) {
      forget();
      throw error;
    }
  }
}
