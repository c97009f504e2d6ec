/** In-memory queues of a RabbitMQ server under virtual time, as far as our members rely on them. */
import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import type { Clock } from "../../shared/runtime/clock.ts";

/** Queues and exchanges of a simulated run. */
export const names = {
  EVENTS_EXCHANGE: "events",
  EVENTS_QUEUE: "events.queue",
  DEAD_LETTER_QUEUE: "events.dead",
} as const;

export interface Message {
  readonly body: Buffer;
  readonly properties: Options.Publish;
  deliveries: number;
}

interface Queue {
  readonly name: string;
  readonly limit: number;
  readonly ttlMs: number | undefined;
  readonly deadLetterTo: { readonly exchange: string; readonly routingKey: string } | undefined;
  readonly ready: Message[];
  readonly consumers: Consumer[];
  turn: number;
}

/** A rejected message moves to the queue's dead letter exchange. */
export type Settled = "acked" | "requeued" | "rejected";

interface Exchange {
  readonly alternate: string | undefined;
  readonly isDirect: boolean;
  /** By routing key; of a fanout exchange, all by "". */
  readonly bound: Map<string, Set<string>>;
}

interface Consumer {
  readonly channel: ServerChannel;
  readonly tag: string;
  deliver(message: Message, tag: number): void;
}

/** Receives the broker's events as they happen. */
export interface BrokerWatch {
  /** A queue has taken a message durably. */
  enqueued(queue: string, message: Message): void;
  /** A message left a queue because it was acked. */
  acked(queue: string, message: Message): void;
  /** A member holds messages whose bodies exceed its bound. */
  holding(messages: Iterable<Message>): void;
  /** A member made a mistake that a broker answers with a channel error. */
  misused(what: string): void;
}

export class Broker {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  /** Delivered, unsettled messages. */
  unsettled = 0;
  /** Longest accepted body; the broker closes the channel over a longer one. */
  mostMessageBytes = Infinity;

  constructor(private readonly clock: Clock, readonly watch: BrokerWatch) {}

  declareExchange(name: string, type = "fanout", alternate?: string): void {
    if (this.#exchanges.has(name)) return;
    this.#exchanges.set(name, { isDirect: type === "direct", alternate, bound: new Map() });
  }

  declareQueue(name: string, args: Readonly<Record<string, unknown>> = {}): void {
    if (this.#queues.has(name)) return;
    const exchange = args["x-dead-letter-exchange"];
    this.#queues.set(name, {
      name,
      limit: Number(args["x-delivery-limit"] ?? Infinity),
      ttlMs: args["x-message-ttl"] === undefined ? undefined : Number(args["x-message-ttl"]),
      deadLetterTo: exchange === undefined
        ? undefined
        : { exchange: String(exchange), routingKey: String(args["x-dead-letter-routing-key"] ?? "") },
      ready: [],
      consumers: [],
      turn: 0,
    });
  }

  bind(queue: string, exchange: string, key: string): void {
    const bound = this.#exchanges.get(exchange)?.bound;
    bound?.set(key, (bound.get(key) ?? new Set()).add(queue));
  }

  unbind(queue: string, exchange: string, key: string): void {
    this.#exchanges.get(exchange)?.bound.get(key)?.delete(queue);
  }

  /** @returns whether any queue took the message */
  publish(exchange: string, routingKey: string, body: Buffer, properties: Options.Publish): boolean {
    const found = this.#exchanges.get(exchange);
    const targets = exchange === "" ? [routingKey] : found?.bound.get(found.isDirect ? routingKey : "") ?? [];
    let routed = false;
    for (const name of targets) {
      const queue = this.#queues.get(name);
      if (!queue) continue;
      routed = true;
      this.#enqueue(queue, { body, properties, deliveries: 0 });
    }
    return !routed && found?.alternate !== undefined
      ? this.publish(found.alternate, routingKey, body, properties)
      : routed;
  }

  consume(name: string, consumer: Consumer): void {
    const queue = this.#queueOf(name);
    queue.consumers.push(consumer);
    this.#giveOut(queue);
  }

  /** @param tag all consumers of the channel by default */
  cancel(channel: ServerChannel, tag?: string): void {
    for (const queue of this.#queues.values()) {
      const isIt = (consumer: Consumer) => consumer.channel === channel && (tag ?? consumer.tag) === consumer.tag;
      const at = queue.consumers.findIndex(isIt);
      if (at >= 0) queue.consumers.splice(at, 1);
    }
  }

  get(name: string, channel: ServerChannel): { message: Message; tag: number } | undefined {
    const queue = this.#queueOf(name);
    const message = queue.ready.shift();
    return message && { message, tag: channel.hold(queue.name, message) };
  }

  settled(name: string, message: Message, how: Settled): void {
    const queue = this.#queueOf(name);
    if (how === "acked") this.watch.acked(name, message);
    else if (how === "rejected") this.#deadLetter(queue, message, "rejected");
    else if (message.deliveries <= queue.limit) queue.ready.unshift(message);
    else this.#deadLetter(queue, message, "delivery_limit");
    this.#giveOut(queue);
  }

  /** Number of ready messages. */
  ready(name: string): number {
    return this.#queues.get(name)?.ready.length ?? 0;
  }

  /** Returns the ready messages without taking them. */
  peek(name: string): readonly Message[] {
    return this.#queues.get(name)?.ready ?? [];
  }

  /** Returns the number of ready messages of each queue. */
  waiting(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#queues.values(), ({ name, ready }) => [name, ready.length]));
  }

  #enqueue(queue: Queue, message: Message): void {
    this.watch.enqueued(queue.name, message);
    queue.ready.push(message);
    if (queue.ttlMs !== undefined) this.clock.sleep(queue.ttlMs).then(() => this.#expire(queue, message));
    this.#giveOut(queue);
  }

  #expire(queue: Queue, message: Message): void {
    const at = queue.ready.indexOf(message);
    if (at < 0) return;
    queue.ready.splice(at, 1);
    this.#deadLetter(queue, message, "expired");
  }

  #deadLetter({ name, deadLetterTo }: Queue, { body, properties }: Message, reason: string): void {
    if (!deadLetterTo) return;
    const death = { reason, queue: name, count: 1, time: { value: Math.floor(this.clock.now() / 1000) } };
    const headers = { ...properties.headers, "x-first-death-reason": reason, "x-death": [death] };
    this.publish(deadLetterTo.exchange, deadLetterTo.routingKey, body, { ...properties, headers });
  }

  /** Delivers round-robin to each consumer below its prefetch. */
  #giveOut(queue: Queue): void {
    for (let idle = 0; queue.ready.length > 0 && idle < queue.consumers.length;) {
      queue.turn = (queue.turn + 1) % queue.consumers.length;
      const consumer = queue.consumers[queue.turn]!;
      if (!consumer.channel.hasRoomFor(queue.name)) {
        idle++;
        continue;
      }
      idle = 0;
      const message = queue.ready.shift()!;
      consumer.deliver(message, consumer.channel.hold(queue.name, message));
    }
  }

  #queueOf(name: string): Queue {
    const queue = this.#queues.get(name);
    if (!queue) throw new Error(`NOT_FOUND - no queue '${name}'`);
    return queue;
  }
}

/** The server's side of a channel: its unsettled deliveries. */
export class ServerChannel {
  prefetch = 0;
  #lastTag = 0;
  readonly #unsettled = new Map<number, { queue: string; message: Message }>();
  /** Unsettled deliveries by queue: each has its own consumer, and each consumer its own prefetch. */
  readonly #counts = new Map<string, number>();
  #closed = false;

  constructor(private readonly broker: Broker) {}

  hasRoomFor(queue: string): boolean {
    return this.prefetch === 0 || (this.#counts.get(queue) ?? 0) < this.prefetch;
  }

  hold(queue: string, message: Message): number {
    message.deliveries++;
    this.broker.unsettled++;
    this.#counts.set(queue, (this.#counts.get(queue) ?? 0) + 1);
    this.#unsettled.set(++this.#lastTag, { queue, message });
    return this.#lastTag;
  }

  settle(tag: number, multiple: boolean, how: Settled): void {
    if (this.#closed) return;
    const tags = multiple ? [...this.#unsettled.keys()].filter((each) => each <= tag) : [tag];
    for (const each of tags) {
      const held = this.#unsettled.get(each);
      if (!held) {
        this.broker.watch.misused(`PRECONDITION_FAILED - unknown delivery tag ${each}`);
        continue;
      }
      this.#unsettled.delete(each);
      this.#counts.set(held.queue, this.#counts.get(held.queue)! - 1);
      this.broker.unsettled--;
      this.broker.settled(held.queue, held.message, how);
    }
  }

  /** Requeues the unsettled deliveries, oldest first. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.broker.cancel(this);
    this.broker.unsettled -= this.#unsettled.size;
    for (const { queue, message } of [...this.#unsettled.values()].reverse()) {
      this.broker.settled(queue, message, "requeued");
    }
    this.#unsettled.clear();
  }
}
