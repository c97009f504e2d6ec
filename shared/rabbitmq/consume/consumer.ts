/** The RabbitMQ {@linkcode EventQueue}: a consumer with manual acks on a connection that reconnects. */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { untilAborted } from "../../runtime/deadline.ts";
import { AmqpDelivery, ReadDelivery, UnreadDelivery } from "./amqp_delivery.ts";
import { ChannelSession } from "./channel_session.ts";
import { DeliveryBuffer } from "./delivery_buffer.ts";
import { readPlainDeliveries } from "../../runtime/deno_workarounds/amqp_plain_deliveries.ts";
import { type BrokerOptions, keepConnected } from "../connection.ts";
import type { DeadLetters } from "../publish/dead_letters.ts";
import type { Delivery, EventQueue, Settlement } from "../delivery.ts";
import { Inflow, mostBodyBytes, unreadBytesOf } from "./inflow.ts";
import { cureOfHeld, type HeldMessages } from "./held_messages.ts";
import { contentType, messageType, timestampMsOf } from "../message.ts";
import type { Dead } from "../outcome.ts";
import type { Moved } from "../publish/publish_until_confirmed.ts";
import { ensureTopology, type Topology } from "../topology.ts";

export interface ConsumerOptions extends BrokerOptions {
  readonly topology: Topology;
  /**
   * One consumer each, on one channel: deliveries of all queues have one order and one sequence of tags, so they are
   * buffered, acked and settled as those of one queue.
   */
  readonly queues: readonly string[];
  /** Maximum number of unacknowledged deliveries. Each queue has an equal part. */
  readonly prefetch: number;
  readonly deadLetters: Pick<DeadLetters, "publish">;
  /**
   * Called before the consumer starts on a new channel, each second until it returns true. The broker requeues a
   * delivery that is held for longer than its consumer_timeout (30 minutes by default). Consuming at once would hold
   * the delivery again, and each redelivery counts towards the delivery limit.
   */
  readonly mayTake?: () => boolean;
}

const askEveryMs = 1_000;

/** Constants of our publishers' messages. */
const plain = { contentType, type: messageType };

type SessionDelivery = AmqpDelivery<ChannelSession>;

export class AmqpConsumer implements EventQueue {
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;
  #session: ChannelSession | undefined;
  #taking = true;
  /** A lower prefetch after a paused connection: the broker closes a connection that is not read for half a minute. */
  #carefulPrefetch: number | undefined;
  readonly #buffer = new DeliveryBuffer<SessionDelivery>();

  /** Each delivery has its consumer's tag, which is unique per channel. */
  readonly #consumerTags: readonly string[];

  constructor(private readonly options: ConsumerOptions) {
    this.#consumerTags = options.queues.map((_, i) => i === 0 ? "events" : `events.${i}`);
    this.#finished = keepConnected(options, (connection, lost) => this.#consume(connection, lost), this.#stop.signal);
  }

  /** Whether deliveries can arrive. */
  get consuming(): boolean {
    return this.#session !== undefined;
  }

  /** Number of unsettled deliveries, including buffered ones. */
  get unsettled(): number {
    return this.#session?.unsettled ?? 0;
  }

  /** Messages that the consumer could only reject and therefore holds. They are requeued when the connection ends. */
  get heldMessages(): HeldMessages | undefined {
    const held = this.#session?.held;
    const { prefetch } = this.options;
    return held && { ...held, takesMore: held.messages < (this.#carefulPrefetch ?? prefetch) };
  }

  /** Buffered deliveries that nobody has taken. */
  get atHand(): Iterable<Delivery> {
    return this.#buffer;
  }

  /**
   * Resolves when the consumer is closed.
   * @throws errors that a retry does not fix, such as bad credentials
   */
  get finished(): Promise<void> {
    return this.#finished;
  }

  take(limit: number, signal: AbortSignal): Promise<Delivery[]> {
    return this.#buffer.take(limit, signal);
  }

  settle(settlements: readonly Settlement[], signal: AbortSignal): Promise<void> {
    const acked = new Map<ChannelSession, number[]>();
    const moving: Promise<void>[] = [];
    for (const { delivery, outcome } of settlements) {
      if (!(delivery instanceof AmqpDelivery)) {
        throw new TypeError(`the delivery ${delivery.messageId} belongs to another queue`);
      }
      const { session, tag, heldBytes } = delivery;
      switch (outcome.kind) {
        case "ack": {
          session.inflow.remove(heldBytes);
          const tags = acked.get(session);
          if (tags) tags.push(tag);
          else acked.set(session, [tag]);
          break;
        }
        case "dead":
          // The broker redelivers the deliveries of an ended session, so a dead letter would be a duplicate.
          if (!session.ended) moving.push(this.#move(delivery, outcome, session.until(signal)));
          break;
        case "requeue":
          session.inflow.remove(heldBytes);
          session.requeue(tag);
      }
    }
    for (const [session, tags] of acked) session.ack(tags);
    return Promise.all(moving).then(() => {});
  }

  #move(delivery: SessionDelivery, outcome: Dead, until: AbortSignal): Promise<void> {
    const { deadLetters } = this.options;
    // Publishing may take long, and keeps a reference to the delivery.
    delivery.ownBytes();
    const { session, tag, heldBytes } = delivery;
    const published = deadLetters.publish(delivery, outcome, until);
    const settled = (moved: Moved) => {
      if (moved === "confirmed") session.ack([tag]);
      else if (moved === "impossible") this.#leaveToBroker(delivery);
    };
    const failed = (error: unknown) => {
      session.requeue(tag);
      throw error;
    };
    return published.then(settled, failed).finally(() => session.inflow.remove(heldBytes));
  }

  /** Cancels the consumer and drops buffered deliveries. Deliveries already taken can still be settled. */
  async stopTaking(): Promise<void> {
    this.#taking = false;
    await this.#session?.cancel();
    this.#buffer.clear();
  }

  /** Sends waiting acks and closes the connection; the broker requeues unsettled deliveries. */
  async close(): Promise<void> {
    this.#taking = false;
    this.#stop.abort(new Error("the consumer is closed"));
    await this.#finished.catch(() => {});
  }

  async #consume(connection: ChannelModel, lost: AbortSignal): Promise<void> {
    const { topology, queues, prefetch, clock, log, name } = this.options;
    await ensureTopology(connection, topology);
    const channel = await connection.createChannel();
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    channel.on("error", reject);
    channel.on("close", () => reject(new Error("the broker closed the channel")));
    untilAborted(lost).then(() => reject(lost.reason));
    untilAborted(this.#stop.signal).then(resolve);
    ended.catch(() => {});
    const consumerTags = this.#consumerTags;
    const session = new ChannelSession(channel, consumerTags, new Inflow(connection), clock);
    await this.#limit(channel, Math.min(prefetch, this.#carefulPrefetch ?? prefetch));
    await this.#untilItMayTake(lost);
    readPlainDeliveries(
      ...[connection, channel, { ...plain, consumerTags }] as const,
      (found) => this.#add(new UnreadDelivery(session, found)),
    );
    const consume = () =>
      Promise.all(queues.map((queue, i) =>
        channel.consume(queue, (message) => {
          if (message === null) {
            reject(new Error(`the broker cancelled the consumer: the queue ${queue} was deleted or moved`));
          } else if (unreadBytesOf(message) > 0) this.#leaveUnread(session, message);
          else this.#add(new ReadDelivery(session, message));
        }, { consumerTag: consumerTags[i]! })
      ));
    if (this.#taking) {
      await consume();
      session.consuming = true;
      log.info("Consuming", { event: "consumer.ready", connection: name, queue: queues.join(), prefetch });
    }
    this.#session = session;
    session.onDelivered = (count) => {
      if (this.#carefulPrefetch === undefined || count < prefetch) return;
      this.#carefulPrefetch = undefined;
      this.#takeMore(session, channel, consume).catch(reject);
    };
    // stopTaking() was called before the broker had answered.
    if (!this.#taking) await this.stopTaking();
    try {
      await ended;
      await session.leave();
    } finally {
      if (session.inflow.isPaused) this.#carefulPrefetch = session.inflow.carefulPrefetch;
      // Deliveries of this channel can no longer be settled; the broker redelivers them.
      if (this.#session === session) {
        this.#session = undefined;
        this.#buffer.clear();
      }
      await session.end();
    }
  }

  /** Restores the full prefetch. Cancels and consumes again, because a consumer keeps its initial prefetch. */
  async #takeMore(session: ChannelSession, channel: Channel, consume: () => Promise<unknown>): Promise<void> {
    if (!this.#taking) return;
    await session.cancelConsumers();
    await this.#limit(channel, this.options.prefetch);
    if (this.#taking) await consume();
  }

  /**
   * RabbitMQ applies the limit to each later consumer of the channel by itself. Quorum queues do not support a common
   * limit.
   */
  async #limit(channel: Channel, prefetch: number): Promise<void> {
    await channel.prefetch(Math.max(1, Math.floor(prefetch / this.options.queues.length)));
  }

  #leaveUnread(session: ChannelSession, message: ConsumeMessage): void {
    const { properties: { messageId, timestamp }, fields: { deliveryTag } } = message;
    const problem = `the body has ${unreadBytesOf(message)} bytes; the limit is ${mostBodyBytes}`;
    this.options.log.warn("A message is too large to be an event; leaving it to the broker", {
      event: "message.left_to_broker",
      ...{ messageId, problem },
    });
    session.delivered = deliveryTag;
    this.#leaveToBroker({ session, tag: deliveryTag, messageId, timestampMs: timestampMsOf(timestamp) });
  }

  /**
   * Rejects the message if its queue is known to dead-letter. Otherwise holds the message unacknowledged; the broker
   * requeues it when the channel closes.
   */
  #leaveToBroker(
    { session, tag, messageId, timestampMs }: Pick<SessionDelivery, "session" | "tag" | "messageId" | "timestampMs">,
  ): void {
    const { topology, queues, clock, log } = this.options;
    // All queues of events are declared, or checked, in one way.
    if (!topology.find(({ name }) => name === queues[0])?.unverified) return session.leaveToBroker(tag);
    log.error(
      `A message is held unacknowledged, because its queue may drop rejected messages: ${cureOfHeld}`,
      { event: "message.held", ...{ messageId, queue: queues.join() } },
    );
    const [since, now] = [clock.monotonic(), clock.now()];
    const before = session.held ?? { messages: 0, since, oldestPublishedAtMs: now };
    const oldestPublishedAtMs = Math.min(before.oldestPublishedAtMs, timestampMs ?? now);
    session.held = { messages: before.messages + 1, since: before.since, oldestPublishedAtMs };
  }

  #add(delivery: SessionDelivery): void {
    delivery.session.delivered = delivery.tag;
    delivery.session.inflow.add(delivery.heldBytes);
    delivery.session.onDelivered(delivery.tag);
    this.#buffer.add(delivery);
  }

  async #untilItMayTake(lost: AbortSignal): Promise<void> {
    const { mayTake = () => true, clock, log, name } = this.options;
    if (!mayTake()) {
      log.warn("Not consuming yet: Postgres does not accept events", {
        event: "consumer.held_back",
        connection: name,
      });
    }
    const over = AbortSignal.any([lost, this.#stop.signal]);
    while (this.#taking && !over.aborted && !mayTake()) await clock.sleep(askEveryMs, over).catch(() => {});
  }
}
