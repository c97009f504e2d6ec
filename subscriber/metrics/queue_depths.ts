/** Reads how full the queues are. Uses its own connection, so that no query waits behind deliveries. */
import type { Channel, ChannelModel } from "amqplib";
import { closeConnection, openConnection } from "../../shared/rabbitmq/connection.ts";
import type { Clock } from "../../shared/runtime/clock.ts";

export interface ShardDepth {
  readonly name: string;
  /** Ready messages. */
  readonly messages: number;
  readonly consumers: number;
}

export interface Depths {
  readonly events: {
    /** Ready messages of all shards. */
    readonly messages: number;
    /** Of the shard that has the most: a subscriber has one at each shard that it takes from. */
    readonly consumers: number;
    /** Absent where the queue is in memory. */
    readonly shards?: readonly ShardDepth[];
  };
  readonly dead: { readonly messages: number };
}

export interface QueueCount {
  readonly name: string;
  /** Ready messages; `null` when there is no such queue. */
  readonly messages: number | null;
}

export interface QueueDepths {
  /** @throws when the broker does not answer, or has no such queue */
  read(): Promise<Depths>;
  /** Counts every queue in which events may wait. @throws like {@linkcode QueueDepths.read} */
  readAll(): Promise<readonly QueueCount[]>;
  close(): Promise<void>;
}

export function sumOf(shards: readonly ShardDepth[]): Depths["events"] {
  return {
    messages: shards.reduce((sum, { messages }) => sum + messages, 0),
    consumers: Math.max(...shards.map(({ consumers }) => consumers)),
    shards,
  };
}

/** Returns the consumers of each shard. */
export function consumersOf({ consumers, shards }: Depths["events"]): readonly number[] {
  return shards?.map(({ consumers }) => consumers) ?? [consumers];
}

export interface AmqpQueueDepthsOptions {
  readonly url: string;
  readonly name: string;
  /** One a shard. */
  readonly eventsQueues: readonly string[];
  readonly deadLetterQueue: string;
  /** All queues in which events may wait. */
  readonly queues: readonly string[];
  readonly clock: Clock;
}

interface Opened {
  readonly connection: ChannelModel;
  readonly channel: Channel;
}

export class AmqpQueueDepths implements QueueDepths {
  #opening: Promise<Opened> | undefined;
  #connection: ChannelModel | undefined;
  #closed = false;

  constructor(private readonly options: AmqpQueueDepthsOptions) {}

  async read(): Promise<Depths> {
    const { eventsQueues, deadLetterQueue } = this.options;
    const { channel } = await (this.#opening ?? this.#open());
    const [dead, ...events] = await Promise.all([
      channel.checkQueue(deadLetterQueue),
      ...eventsQueues.map((name) => channel.checkQueue(name)),
    ]);
    return {
      events: sumOf(events.map(({ queue, messageCount, consumerCount }) => ({
        ...{ name: queue, messages: messageCount, consumers: consumerCount },
      }))),
      dead: { messages: dead!.messageCount },
    };
  }

  async readAll(): Promise<QueueCount[]> {
    const { channel } = await (this.#opening ?? this.#open());
    const counts = await Promise.all(this.options.queues.map((name) => channel.checkQueue(name)));
    return counts.map(({ queue, messageCount }) => ({ name: queue, messages: messageCount }));
  }

  /** Does not wait for a connection that is being opened; that connection is closed as soon as it is open. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#connection) await closeConnection(this.#connection, this.options.clock);
  }

  /** A lost connection or a missing queue ends the channel; the next query then opens another. */
  #open(): Promise<Opened> {
    const opening = this.#connect(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return this.#opening = opening;
  }

  async #connect(forget: () => void): Promise<Opened> {
    const { clock } = this.options;
    let connection: ChannelModel | undefined;
    try {
      connection = await openConnection(this.options);
      const opened = connection;
      connection.on("error", () => {}).on("close", () => {
        forget();
        if (this.#connection === opened) this.#connection = undefined;
      });
      if (this.#closed) throw new Error("HTTP is closed");
      this.#connection = opened;
      const channel = await connection.createChannel();
      channel.on("error", () => {}).on("close", () => {
        forget();
        closeConnection(opened, clock);
      });
      return { connection, channel };
    } catch (error) {
      forget();
      if (connection) closeConnection(connection, clock);
      throw error;
    }
  }
}
