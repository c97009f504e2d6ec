/** The parts of amqplib's connection that our members use, over links to a {@linkcode Broker}. */
import { EventEmitter } from "node:events";
import { type ChannelModel, IllegalOperationError } from "amqplib";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Random } from "../../shared/runtime/random.ts";
import { type Broker, type Message, ServerChannel } from "./broker.ts";
import { SimulatedChannel, type Wire } from "./channel.ts";
import { Socket } from "./socket.ts";
import type { Mutation } from "./mutations.ts";

/** The process that owns a connection: while it is paused, arrivals wait; after it dies, they never happen. */
export interface Owner {
  run(arrived: () => void): void;
  /** Whether the grace period is over: the process then holds nothing and settles nothing. */
  readonly hasAbandoned: boolean;
}

export interface ConnectionOptions {
  readonly broker: Broker;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly random: Random;
  /** Share of publishes that the broker refuses; called for each publish. */
  readonly refusedShare: () => number;
  readonly mutation: Mutation | undefined;
}

/** Longest transit time of a frame. */
const slowestMs = 40;
/** Longest time until a side notices by heartbeats that the other side is gone. */
const slowestNoticeMs = 3_000;

/** One direction of a connection: frames arrive in order, each after a delay, unless the connection is cut first. */
class Link {
  #lastAt = 0;

  constructor(private readonly clock: Clock, private readonly random: Random, private readonly isCut: () => boolean) {}

  send(arrive: () => void): void {
    const now = this.clock.monotonic();
    this.#lastAt = Math.max(this.#lastAt, now + this.random.int(0, slowestMs));
    this.clock.sleep(this.#lastAt - now).then(() => {
      if (!this.isCut()) arrive();
    });
  }
}

export class SimulatedConnection extends EventEmitter implements Wire {
  readonly #channels = new Set<SimulatedChannel>();
  readonly socket: Socket;
  /** amqplib's socket. */
  readonly connection: Socket["connection"];
  readonly broker: Broker;
  readonly random: Random;
  readonly refusedShare: () => number;
  readonly heardOf: (error: Error) => Error;
  readonly toServer: Wire["toServer"];
  readonly toClient: Wire["toClient"];
  #cut = false;
  #blocked: (() => void)[] | undefined;
  /** Rejects the pending calls when the connection is lost. */
  readonly #pending = new Set<(error: Error) => void>();

  constructor(private readonly options: ConnectionOptions) {
    super();
    const { clock, random, owner, mutation } = options;
    this.socket = new Socket(() => this.cut(), mutation?.unbounded ?? false);
    this.connection = this.socket.connection;
    this.heardOf = mutation?.refusal ?? ((error) => error);
    ({ broker: this.broker, random: this.random, refusedShare: this.refusedShare } = options);
    this.toServer = new Link(clock, random, () => this.#cut);
    const link = new Link(clock, random, () => this.#cut);
    this.toClient = { send: (arrive) => link.send(() => owner.run(() => this.socket.arrive(arrive))) };
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

  /** Both sides lose the frames in transit, and each notices after its own delay. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    const { clock, random, owner } = this.options;
    clock.sleep(random.int(0, slowestNoticeMs)).then(() => this.#closeChannels());
    clock.sleep(random.int(0, slowestNoticeMs)).then(() => owner.run(() => this.#lose()));
  }

  /** The broker stops reading from this connection, and tells the client. */
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

  holding(messages: Iterable<Message>): void {
    if (!this.options.owner.hasAbandoned) this.broker.watch.holding(messages);
  }

  whenRead(act: () => void): void {
    if (this.#blocked) this.#blocked.push(act);
    else act();
  }

  call<T>(ask: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#cut) return reject(new IllegalOperationError("Connection closed"));
      this.#pending.add(reject);
      const done = (settle: () => void) => {
        this.#pending.delete(reject);
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
    const server = new ServerChannel(this.broker);
    const channel = new SimulatedChannel(this, server, confirms);
    this.#channels.add(channel);
    await this.call(() => {});
    return channel;
  }

  #closeChannels(): void {
    for (const { server } of this.#channels) server.close();
  }

  #lose(): void {
    this.socket.close();
    const error = new Error("Unexpected close");
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
    for (const channel of this.#channels) channel.lose(error);
    this.emit("error", error);
    this.emit("close", error);
  }
}

/** Casts to amqplib's type; only the parts that our members use exist. */
export function asChannelModel(connection: SimulatedConnection): ChannelModel {
  return connection as unknown as ChannelModel;
}
