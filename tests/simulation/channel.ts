/** The parts of amqplib's channels that our members use, over a wire to a {@linkcode Broker}. */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { type ConsumeMessage, IllegalOperationError, type Options } from "amqplib";
import type { Random } from "../../shared/runtime/random.ts";
import type { Broker, Message, ServerChannel, Settled } from "./broker.ts";
import { InHand } from "./in_hand.ts";
import type { Socket } from "./socket.ts";

interface Sender {
  send(arrive: () => void): void;
}

/** The connection as its channels see it. */
export interface Wire {
  readonly socket: Socket;
  readonly broker: Broker;
  readonly random: Random;
  /** Share of publishes that the broker refuses; called for each publish. */
  readonly refusedShare: () => number;
  /** Converts the error that closes a channel to the error that the client sees. */
  readonly heardOf: (error: Error) => Error;
  readonly toServer: Sender;
  readonly toClient: Sender;
  /** The client holds messages whose bodies exceed a member's bound. */
  holding(messages: Iterable<Message>): void;
  /** Sends a request, and resolves to its answer. */
  call<T>(ask: () => T): Promise<T>;
  /** Delivers a publish to the broker now, or once the broker no longer blocks the connection. */
  whenRead(act: () => void): void;
}

export class SimulatedChannel extends EventEmitter {
  /** Fixed: one channel of a connection consumes, and only that channel has deliveries. */
  readonly ch = 1;
  readonly #unconfirmed = new Set<(error: Error | null) => void>();
  readonly #inHand: InHand;
  #closed = false;
  #closing = false;
  /** Whether the broker closed the channel over a message. */
  #refused = false;

  constructor(
    private readonly wire: Wire,
    readonly server: ServerChannel,
    private readonly confirms: boolean,
  ) {
    super();
    this.on("error", () => {});
    this.#inHand = new InHand((messages) => wire.holding(messages));
  }

  assertExchange(name: string, type: string, { alternateExchange }: Options.AssertExchange): Promise<void> {
    return this.wire.call(() => this.#broker.declareExchange(name, type, alternateExchange));
  }

  assertQueue(name: string, { arguments: args }: Options.AssertQueue = {}): Promise<void> {
    return this.wire.call(() => this.#broker.declareQueue(name, args));
  }

  bindQueue(queue: string, exchange: string, key: string): Promise<void> {
    return this.wire.call(() => this.#broker.bind(queue, exchange, key));
  }

  unbindQueue(queue: string, exchange: string, key: string): Promise<void> {
    return this.wire.call(() => this.#broker.unbind(queue, exchange, key));
  }

  checkQueue(name: string): Promise<{ messageCount: number }> {
    return this.wire.call(() => ({ messageCount: this.#broker.ready(name) }));
  }

  prefetch(count: number): Promise<void> {
    return this.wire.call(() => void (this.server.prefetch = count));
  }

  async consume(
    queue: string,
    take: (message: ConsumeMessage) => void,
    { consumerTag }: { readonly consumerTag: string },
  ): Promise<void> {
    // RabbitMQ answers before it delivers: the answer must not wait behind more than may be in hand.
    let early: (() => void)[] | undefined = [];
    await this.wire.call(() => {
      this.#broker.consume(queue, {
        ...{ channel: this.server, tag: consumerTag },
        deliver: (message, tag) => {
          const send = () =>
            this.wire.toClient.send(() => {
              if (!this.#closed) this.#deliver(message, tag, consumerTag, take);
            });
          if (early) early.push(send);
          else send();
        },
      });
      queueMicrotask(() => {
        for (const send of early ?? []) send();
        early = undefined;
      });
    });
  }

  #deliver(message: Message, tag: number, consumerTag: string, take: (message: ConsumeMessage) => void): void {
    const { socket } = this.wire;
    if (socket.isTaken(message, tag, this.ch, consumerTag)) return this.#inHand.add(tag, message);
    const read = socket.read(message);
    if (read.content.length > 0) this.#inHand.add(tag, message);
    take({ ...read, fields: { deliveryTag: tag } } as unknown as ConsumeMessage);
  }

  cancel(consumerTag: string): Promise<void> {
    return this.wire.call(() => this.#broker.cancel(this.server, consumerTag));
  }

  async get(queue: string): Promise<ConsumeMessage | false> {
    const found = await this.wire.call(() => this.#broker.get(queue, this.server));
    return found ? received(found.message, found.tag) : false;
  }

  ack({ fields }: ConsumeMessage, multiple = false): void {
    this.#settle(fields.deliveryTag, multiple, "acked");
  }

  nack({ fields }: ConsumeMessage, multiple = false, requeue = true): void {
    this.#settle(fields.deliveryTag, multiple, requeue ? "requeued" : "rejected");
  }

  publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: Options.Publish,
    confirm?: (error: Error | null) => void,
  ): boolean {
    this.#mustBeOpen();
    const { random, refusedShare } = this.wire;
    const refused = random.next() < refusedShare();
    const answer = (error: Error | null) =>
      this.wire.toClient.send(() => {
        if (confirm && this.#unconfirmed.delete(confirm)) confirm(error);
      });
    if (confirm && this.confirms) this.#unconfirmed.add(confirm);
    this.wire.toServer.send(() =>
      this.wire.whenRead(() => {
        // A closed channel reads nothing more.
        if (this.#refused) return;
        if (body.length > this.#broker.mostMessageBytes) return this.#refuse(body.length);
        if (refused) return answer(new Error("message nacked"));
        const routed = this.#broker.publish(exchange, routingKey, body, properties);
        // An unroutable message is returned, and then confirmed as well.
        if (!routed) this.wire.toClient.send(() => this.emit("return", { properties }));
        answer(null);
      })
    );
    return true;
  }

  /**
   * Behaves as amqplib's: if the connection is lost meanwhile, the promise never settles, and the channel only emits
   * `close`.
   */
  close(): Promise<void> {
    this.#mustBeOpen();
    this.#closed = true;
    this.#closing = true;
    return new Promise((resolve) => {
      this.wire.toServer.send(() => {
        this.server.close();
        this.wire.toClient.send(() => {
          this.#closing = false;
          this.emit("close");
          resolve();
        });
      });
    });
  }

  /** The connection is lost, and the client has noticed. */
  lose(error: Error): void {
    if (this.#closing) this.emit("close");
    this.#closing = false;
    if (this.#closed) return;
    this.#closed = true;
    for (const confirm of this.#unconfirmed) confirm(error);
    this.#unconfirmed.clear();
    this.emit("close");
  }

  /** The broker closes the channel, and drops its unconfirmed messages. */
  #refuse(bytes: number): void {
    this.#refused = true;
    this.server.close();
    const most = this.#broker.mostMessageBytes;
    const error = Object.assign(
      new Error(`PRECONDITION_FAILED - message size ${bytes} is larger than configured max size ${most}`),
      { code: 406 },
    );
    this.wire.toClient.send(() => {
      if (this.#closed) return;
      this.emit("error", this.wire.heardOf(error));
      this.lose(new Error("channel closed"));
    });
  }

  get #broker(): Broker {
    return this.wire.broker;
  }

  #settle(tag: number, multiple: boolean, how: Settled): void {
    this.#mustBeOpen();
    this.#inHand.remove(tag, multiple);
    this.wire.toServer.send(() => this.server.settle(tag, multiple, how));
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new IllegalOperationError("Channel closed");
  }
}

function received({ body, properties }: Message, deliveryTag: number): ConsumeMessage {
  return { content: body, properties, fields: { deliveryTag } } as unknown as ConsumeMessage;
}
