/** The parts of amqplib's connection and channels that our members use, over lanes to a {@linkcode Broker}. */
import type { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { type ChannelModel, type ConsumeMessage, IllegalOperationError, type Options } from "amqplib";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { type Broker, type Message, ServerChannel } from "./broker.ts";
import { Link } from "./link.ts";

/** Whose connection it is: what arrives may have to wait for a process that is paused, and never reaches a dead one. */
export interface Owner {
  run(arrived: () => void): void;
}

export interface ConnectionOptions {
  readonly broker: Broker;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly random: Random;
  /** Share of publishes that the broker refuses; asked for each. */
  readonly refusedShare: () => number;
}

const slowestMs = 40;
/** A side that is not told finds out by heartbeats that the other is gone. */
const slowestNoticeMs = 3_000;

export class SimulatedConnection extends EventEmitter {
  readonly #channels = new Set<SimulatedChannel>();
  readonly connection = { serverProperties: { version: "simulated" }, stream: { destroy: () => this.cut() } };
  readonly toServer: Link;
  readonly toClient: Link;
  #cut = false;
  #blocked: (() => void)[] | undefined;
  /** Calls under way, told when the connection is lost. */
  readonly pending = new Set<(error: Error) => void>();

  constructor(readonly options: ConnectionOptions) {
    super();
    const { clock, random, owner } = options;
    this.toServer = new Link(clock, random, slowestMs, () => this.#cut);
    const link = new Link(clock, random, slowestMs, () => this.#cut);
    this.toClient = { send: (arrive: () => void) => link.send(() => owner.run(arrive)) } as Link;
    this.on("error", () => {});
  }

  get lost(): boolean {
    return this.#cut;
  }

  createChannel(): Promise<SimulatedChannel> {
    return this.#open(false);
  }

  createConfirmChannel(): Promise<SimulatedChannel> {
    return this.#open(true);
  }

  async close(): Promise<void> {
    if (this.#cut) throw new IllegalOperationError("Connection closed");
    await this.call(() => this.#closeChannels());
    this.#cut = true;
    this.emit("close");
  }

  /** Both sides lose what is on its way, and find out each in its own time. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    const { clock, random, owner } = this.options;
    clock.sleep(random.int(0, slowestNoticeMs)).then(() => this.#closeChannels());
    clock.sleep(random.int(0, slowestNoticeMs)).then(() => owner.run(() => this.#lose()));
  }

  /** The broker reads nothing more from this connection, and says so. */
  block(): void {
    if (this.#blocked || this.#cut) return;
    this.#blocked = [];
    this.toClient.send(() => this.emit("blocked", "low on memory"));
  }

  unblock(): void {
    const held = this.#blocked ?? [];
    this.#blocked = undefined;
    for (const act of held) if (!this.#cut) act();
    if (!this.#cut) this.toClient.send(() => this.emit("unblocked"));
  }

  /** A publish reaches the broker now, or once it is no longer blocked. */
  whenRead(act: () => void): void {
    if (this.#blocked) this.#blocked.push(act);
    else act();
  }

  /** A question and its answer. */
  call<T>(ask: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#cut) return reject(new IllegalOperationError("Connection closed"));
      this.pending.add(reject);
      const done = (settle: () => void) => {
        this.pending.delete(reject);
        settle();
      };
      this.toServer.send(() => {
        try {
          const answer = ask();
          this.toClient.send(() => done(() => resolve(answer)));
        } catch (error) {
          this.toClient.send(() => done(() => reject(error as Error)));
        }
      });
    });
  }

  async #open(confirms: boolean): Promise<SimulatedChannel> {
    const server = new ServerChannel(this.options.broker);
    const channel = new SimulatedChannel(this, server, confirms);
    this.#channels.add(channel);
    await this.call(() => {});
    return channel;
  }

  #closeChannels(): void {
    for (const { server } of this.#channels) server.close();
  }

  #lose(): void {
    const error = new Error("Unexpected close");
    for (const reject of this.pending) reject(error);
    this.pending.clear();
    for (const channel of this.#channels) channel.lose(error);
    this.emit("error", error);
    this.emit("close", error);
  }
}

class SimulatedChannel extends EventEmitter {
  readonly #unconfirmed = new Set<(error: Error | null) => void>();
  #closed = false;
  #closing = false;

  constructor(
    private readonly link: SimulatedConnection,
    readonly server: ServerChannel,
    private readonly confirms: boolean,
  ) {
    super();
    this.on("error", () => {});
  }

  assertExchange(name: string): Promise<void> {
    return this.link.call(() => this.#broker.declareExchange(name));
  }

  assertQueue(name: string, { arguments: args }: Options.AssertQueue = {}): Promise<void> {
    return this.link.call(() => this.#broker.declareQueue(name, args));
  }

  bindQueue(queue: string, exchange: string): Promise<void> {
    return this.link.call(() => this.#broker.bind(queue, exchange));
  }

  checkQueue(name: string): Promise<{ messageCount: number }> {
    return this.link.call(() => ({ messageCount: this.#broker.ready(name) }));
  }

  prefetch(count: number): Promise<void> {
    return this.link.call(() => void (this.server.prefetch = count));
  }

  async consume(queue: string, take: (message: ConsumeMessage) => void): Promise<{ consumerTag: string }> {
    await this.link.call(() =>
      this.#broker.consume(queue, {
        channel: this.server,
        deliver: (message, tag) => this.link.toClient.send(() => !this.#closed && take(received(message, tag))),
      })
    );
    return { consumerTag: "simulated" };
  }

  cancel(): Promise<void> {
    return this.link.call(() => this.#broker.cancel(this.server));
  }

  async get(queue: string): Promise<ConsumeMessage | false> {
    const found = await this.link.call(() => this.#broker.get(queue, this.server));
    return found ? received(found.message, found.tag) : false;
  }

  ack({ fields }: ConsumeMessage, multiple = false): void {
    this.#settle(fields.deliveryTag, multiple, "acked");
  }

  nack({ fields }: ConsumeMessage, multiple = false): void {
    this.#settle(fields.deliveryTag, multiple, "requeued");
  }

  publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: Options.Publish,
    confirm?: (error: Error | null) => void,
  ): boolean {
    this.#mustBeOpen();
    const { random, refusedShare } = this.link.options;
    const refused = random.next() < refusedShare();
    const answer = (error: Error | null) =>
      this.link.toClient.send(() => {
        if (confirm && this.#unconfirmed.delete(confirm)) confirm(error);
      });
    if (confirm && this.confirms) this.#unconfirmed.add(confirm);
    this.link.toServer.send(() =>
      this.link.whenRead(() => {
        if (refused) return answer(new Error("message nacked"));
        const routed = this.#broker.publish(exchange, routingKey, body, properties);
        // A message that leads nowhere is returned, and then confirmed all the same.
        if (!routed) this.link.toClient.send(() => this.emit("return", { properties }));
        answer(null);
      })
    );
    return true;
  }

  /** As amqplib's: when the connection is lost meanwhile, it never settles; the channel only says that it is closed. */
  close(): Promise<void> {
    this.#mustBeOpen();
    this.#closed = true;
    this.#closing = true;
    return new Promise((resolve) => {
      this.link.toServer.send(() => {
        this.server.close();
        this.link.toClient.send(() => {
          this.#closing = false;
          this.emit("close");
          resolve();
        });
      });
    });
  }

  /** The connection is gone, and the client has noticed. */
  lose(error: Error): void {
    if (this.#closing) this.emit("close");
    this.#closing = false;
    if (this.#closed) return;
    this.#closed = true;
    for (const confirm of this.#unconfirmed) confirm(error);
    this.#unconfirmed.clear();
    this.emit("close");
  }

  get #broker(): Broker {
    return this.link.options.broker;
  }

  #settle(tag: number, multiple: boolean, how: "acked" | "requeued"): void {
    this.#mustBeOpen();
    this.link.toServer.send(() => this.server.settle(tag, multiple, how));
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new IllegalOperationError("Channel closed");
  }
}

/** As amqplib types it; only what our members use is there. */
export function asChannelModel(connection: SimulatedConnection): ChannelModel {
  return connection as unknown as ChannelModel;
}

function received({ body, properties }: Message, deliveryTag: number): ConsumeMessage {
  return { content: body, properties, fields: { deliveryTag } } as unknown as ConsumeMessage;
}
