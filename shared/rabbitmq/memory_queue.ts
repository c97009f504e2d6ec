/**
 * A queue and its broker in this process, for unit tests, simulation and the demo without servers. Behaves as RabbitMQ
 * does: tests/conformance/queue.ts checks both.
 */
import { type Clock, systemClock } from "../runtime/clock.ts";
import { DeliveryBuffer } from "./consume/delivery_buffer.ts";
import { deadLetterHeaders } from "./publish/dead_letters.ts";
import type { Delivery, EventQueue, Settlement, Subscription } from "./delivery.ts";
import type { Headers } from "./message.ts";
import type { Dead } from "./outcome.ts";
import { deliveryLimit } from "./topology.ts";

interface Message {
  readonly published: Delivery;
  deliveries: number;
}

interface Subscriber {
  readonly id: string;
  readonly prefetch: number;
  readonly buffer: DeliveryBuffer<MemoryDelivery>;
  readonly unsettled: Set<MemoryDelivery>;
  closed: boolean;
}

interface MemoryDelivery extends Delivery {
  readonly message: Message;
  readonly subscriber: Subscriber;
}

/** As an {@linkcode EventQueue}, it is one subscriber without prefetch: it gets only the deliveries it takes. */
export class MemoryQueue implements EventQueue {
  readonly #ready = new DeliveryBuffer<Message>();
  readonly #subscribers: Subscriber[] = [];
  readonly #itself = subscriberOf("memory", Infinity);
  /** Index of the next subscriber in round-robin order. */
  #turn = 0;
  #unsettled = 0;
  /** Deliveries that a subscriber dead-lettered, with the outcome. */
  readonly dead: { readonly delivery: Delivery; readonly outcome: Dead }[] = [];
  /** All dead letters, including those of the delivery limit, in the form in which they can be published again. */
  readonly deadLetters: Delivery[] = [];
  readonly acked: string[] = [];

  /** @param clock sets the times of dead letters */
  constructor(private readonly clock: Clock = systemClock) {}

  publish(...deliveries: readonly Delivery[]): void {
    for (const published of deliveries) this.#ready.add({ published, deliveries: 0 });
    this.#giveOut();
  }

  /** Number of messages that wait for a subscriber. */
  get ready(): number {
    return this.#ready.size;
  }

  /** Number of deliveries that are not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** @param prefetch maximum number of unsettled deliveries, including those that it has not taken yet */
  subscribe({ prefetch, subscriberId = "memory" }: { prefetch: number; subscriberId?: string }): Subscription {
    const subscriber = subscriberOf(subscriberId, prefetch);
    this.#subscribers.push(subscriber);
    this.#giveOut();
    return {
      take: (limit, signal) => subscriber.buffer.take(limit, signal),
      settle: (settlements) => this.settle(settlements),
      close: () => this.#close(subscriber),
    };
  }

  async take(limit: number, signal: AbortSignal): Promise<Delivery[]> {
    const taken = await this.#ready.take(limit, signal);
    return taken.map((message) => this.#deliver(message, this.#itself));
  }

  settle(settlements: readonly Settlement[]): Promise<void> {
    for (const { delivery, outcome } of settlements) {
      const { message, subscriber } = delivery as MemoryDelivery;
      if (subscriber.closed) continue;
      if (!subscriber.unsettled.delete(delivery as MemoryDelivery)) {
        throw new Error(`${delivery.messageId} was settled twice: a broker would close the channel`);
      }
      this.#unsettled--;
      if (outcome.kind === "ack") this.acked.push(delivery.messageId);
      else if (outcome.kind === "requeue") this.#requeue(message);
      else {
        this.dead.push({ delivery, outcome });
        const { reason, detail } = outcome;
        const now = this.clock.now();
        this.#bury(message, deadLetterHeaders(delivery, { reason, detail, subscriberId: subscriber.id, now }));
      }
    }
    this.#giveOut();
    return Promise.resolve();
  }

  #close(subscriber: Subscriber): Promise<void> {
    if (subscriber.closed) return Promise.resolve();
    subscriber.closed = true;
    this.#subscribers.splice(this.#subscribers.indexOf(subscriber), 1);
    this.#unsettled -= subscriber.unsettled.size;
    for (const { message } of subscriber.unsettled) this.#requeue(message);
    subscriber.buffer.clear();
    this.#giveOut();
    return Promise.resolve();
  }

  /** Delivers in round-robin order to the subscribers below their prefetch. */
  #giveOut(): void {
    while (this.#ready.size > 0) {
      const subscriber = this.#nextWithRoom();
      if (!subscriber) return;
      subscriber.buffer.add(this.#deliver(this.#ready.next()!, subscriber));
    }
  }

  #nextWithRoom(): Subscriber | undefined {
    const count = this.#subscribers.length;
    for (let i = 0; i < count; i++) {
      const subscriber = this.#subscribers[(this.#turn + i) % count]!;
      if (subscriber.unsettled.size >= subscriber.prefetch) continue;
      this.#turn = (this.#turn + i + 1) % count;
      return subscriber;
    }
    return undefined;
  }

  #deliver(message: Message, subscriber: Subscriber): MemoryDelivery {
    message.deliveries++;
    const delivery = { ...message.published, message, subscriber };
    subscriber.unsettled.add(delivery);
    this.#unsettled++;
    return delivery;
  }

  #requeue(message: Message): void {
    if (message.deliveries <= deliveryLimit) this.#ready.requeue(message);
    else this.#bury(message, withDeath(message.published.headers, "delivery_limit", this.clock.now()));
  }

  #bury({ published }: Message, headers: Headers): void {
    const { messageId, sentId, origin, body, appId = "", timestampMs = this.clock.now() } = published;
    const came = { ...(sentId !== undefined && { sentId }), ...(origin && { origin }) };
    this.deadLetters.push({ messageId, ...came, body, headers, appId, timestampMs });
  }
}

function subscriberOf(id: string, prefetch: number): Subscriber {
  return { id, prefetch, buffer: new DeliveryBuffer(), unsettled: new Set(), closed: false };
}

/** Adds the headers that RabbitMQ writes when it dead-letters a message itself; the last death comes first. */
function withDeath(before: Headers, reason: "delivery_limit" | "expired", now: number): Headers {
  const death = { reason, count: 1, time: { "!": "timestamp", value: Math.floor(now / 1000) } };
  const earlier = Array.isArray(before["x-death"]) ? before["x-death"] : [];
  return { "x-first-death-reason": reason, ...before, "x-death": [death, ...earlier] };
}
