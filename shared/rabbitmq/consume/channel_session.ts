/** One channel of a consumer: the deliveries that it brought, and their settlement. */
import { type Channel, type ConsumeMessage, IllegalOperationError } from "amqplib";
import type { Clock } from "../../runtime/clock.ts";
import { settledWithin } from "../../runtime/deadline.ts";
import { closeChannel } from "../../runtime/deno_workarounds/amqp_close_channel.ts";
import { AckRuns } from "./ack_runs.ts";
import type { HeldMessages } from "./held_messages.ts";
import type { Inflow } from "./inflow.ts";

/** How long acks wait for a gap below them to close, in ms, before they are sent one by one. */
const flushAcksAfterMs = 20;
const leaveTimeoutMs = 2_000;

/** The lifetime of one channel. Only the channel that delivered a message can settle it. */
export class ChannelSession {
  consuming = false;
  /** Number of deliveries from all queues, which is the newest delivery's tag. */
  delivered = 0;
  held: Omit<HeldMessages, "takesMore"> | undefined;
  onDelivered: (count: number) => void = () => {};
  readonly #runs: AckRuns;
  readonly #ended = new AbortController();
  #until: { readonly given: AbortSignal; readonly either: AbortSignal } | undefined;
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly channel: Channel,
    private readonly consumerTags: readonly string[],
    readonly inflow: Inflow,
    private readonly clock: Clock,
  ) {
    this.#runs = new AckRuns((tag, multiple) => this.channel.ack(messageOfTag(tag), multiple));
  }

  get ended(): boolean {
    return this.#ended.signal.aborted;
  }

  get unsettled(): number {
    return this.delivered - this.#runs.settled;
  }

  /** Returns a signal that is aborted with the given signal or when this session ends. */
  until(given: AbortSignal): AbortSignal {
    if (this.#until?.given !== given) this.#until = { given, either: AbortSignal.any([given, this.#ended.signal]) };
    return this.#until.either;
  }

  ack(tags: readonly number[]): void {
    this.#onChannel(() => this.#runs.settle(tags));
    if (this.#runs.waiting) this.#flushing ??= this.#flushSoon();
  }

  requeue(tag: number): void {
    this.#nack(tag, true);
  }

  /** Rejects the delivery: the broker sends it unchanged to its queue's `x-dead-letter-exchange`. */
  leaveToBroker(tag: number): void {
    this.#nack(tag, false);
  }

  #nack(tag: number, requeue: boolean): void {
    this.#onChannel(() => {
      this.channel.nack(messageOfTag(tag), false, requeue);
      this.#runs.settledOtherwise(tag);
    });
  }

  flush(): void {
    this.#onChannel(() => this.#runs.flush());
  }

  async cancel(): Promise<void> {
    if (this.ended || !this.consuming) return;
    // If the broker does not answer, the connection is about to be lost.
    await this.cancelConsumers().catch(() => {});
  }

  /** Resolves when the broker has answered for every queue. */
  async cancelConsumers(): Promise<void> {
    await Promise.all(this.consumerTags.map((tag) => this.channel.cancel(tag)));
  }

  /**
   * Closes the channel before its connection, because the connection's close may overtake acks.
   *
   * Cancels first: when a channel closes, RabbitMQ forgets acks that the quorum queue has not processed
   * (https://github.com/rabbitmq/rabbitmq-server/issues/10327). The queue answers a cancel after all earlier acks.
   * Remove the cancel when that issue is closed.
   */
  async leave(): Promise<void> {
    this.flush();
    await settledWithin(leaveTimeoutMs, this.clock, this.cancel());
    await settledWithin(leaveTimeoutMs, this.clock, closeChannel(this.channel));
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#flushing;
  }

  async #flushSoon(): Promise<void> {
    await this.clock.sleep(flushAcksAfterMs, this.#ended.signal).catch(() => {});
    this.#flushing = undefined;
    this.flush();
  }

  #onChannel(act: () => void): void {
    if (this.ended) return;
    try {
      act();
    } catch (error) {
      // The channel closed, but its event is still to come. The broker redelivers these messages.
      if (!(error instanceof IllegalOperationError)) throw error;
      this.#ended.abort();
    }
  }
}

function messageOfTag(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
