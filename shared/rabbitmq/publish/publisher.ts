/**
 * Publishes with confirms over one connection that is kept open: every message is confirmed by the broker or reported as
 * not accepted, exactly once each, and what is unconfirmed is bounded.
 */
import { Buffer } from "node:buffer";
import { type ChannelModel, IllegalOperationError } from "amqplib";
import { abortable, never, settledWithin, untilAborted } from "../../runtime/deadline.ts";
import { type Backoff, backoffMs } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import { type BrokerOptions, keepConnected } from "../connection.ts";
import { type OutgoingMessage, publishOptions } from "../message.ts";
import { ensureTopology, type Topology } from "../topology.ts";
import { type MessageFault, messageFaultOf, Wire } from "./wire.ts";

export interface PublisherOptions extends BrokerOptions {
  readonly topology: Topology;
  /** Most messages that may be unconfirmed at once. */
  readonly maxInFlight?: number;
  /** How long a message is tried before it is reported as not accepted, in ms; time in which the broker blocks us does not count. */
  readonly giveUpAfterMs?: number;
  /** Told when the broker blocks publishing (memory or disk alarm), and with `undefined` when it lets go. */
  readonly onBlocked?: (reason: string | undefined) => void;
}

/** The broker did not accept a message in time. */
export class PublishError extends Error {
  override readonly name = "PublishError";
  constructor(
    readonly reason: "returned" | "refused" | "unconfirmed" | "unwritable" | "unacceptable" | "closed",
    readonly messageId: string,
    detail: string,
  ) {
    super(`Message ${messageId} was not accepted: ${detail}`);
  }

  /** No retry helps: the client cannot write the message, or the broker closes the channel over it. */
  get isFinal(): boolean {
    return this.reason === "unwritable" || this.reason === "unacceptable";
  }
}

/** Told once: without an error the message is confirmed, that is, safe in the broker. */
export type Settled = (error?: PublishError) => void;

interface Entry {
  readonly message: OutgoingMessage;
  readonly settled: Settled;
  /** Monotonic ms; moved on while the broker blocks us. */
  deadline: number;
  failures: number;
  /** Not on its way: there was no connection, or the broker blocked us. */
  held: boolean;
  /** It was on its way when the broker closed the channel over one message or another. */
  suspected: boolean;
  /** When it is to be sent again after the broker did not take it. */
  retryAt: number | undefined;
  lastProblem: { reason: PublishError["reason"]; detail: string };
}

const retryBackoff: Backoff = { first: 50, most: 2_000 };
const sweepEveryMs = 100;
const drainMs = 5_000;
/** What amqplib 2.3.1 says of a negative confirm; it has no code. */
const nacked = "message nacked";

export class ConfirmPublisher {
  readonly #inFlight = new Set<Entry>();
  readonly #returned = new Set<string>();
  readonly #stop = new AbortController();
  readonly #maxInFlight: number;
  readonly #giveUpAfterMs: number;
  #wakeWhenRoom: (() => void)[] = [];
  #wire: Wire | undefined;
  /** Why the broker closed the last channel, when it said so. */
  #refusal: string | undefined;
  /** Learned when the last channel was closed over a message; the broker takes larger ones only after a restart. */
  #limit: MessageFault | undefined;
  #blocked = false;
  readonly #finished: Promise<unknown>;

  constructor(private readonly options: PublisherOptions) {
    this.#maxInFlight = options.maxInFlight ?? 1_000;
    this.#giveUpAfterMs = options.giveUpAfterMs ?? 30_000;
    const connected = keepConnected(options, (connection, lost) => this.#use(connection, lost), this.#stop.signal)
      .catch((error) => this.#fail(error));
    this.#finished = Promise.all([connected, this.#sweep()]);
    this.#finished.catch(() => {});
  }

  /** Messages that are neither confirmed nor given up. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get connected(): boolean {
    return this.#wire !== undefined;
  }

  /**
   * Ends when the publisher is closed.
   * @throws what no retry cures, such as bad credentials: from then on it accepts nothing
   */
  get finished(): Promise<unknown> {
    return this.#finished;
  }

  /** Resolves when one more message may be sent; `undefined` when that is now. */
  room(): Promise<void> | undefined {
    if (this.#inFlight.size < this.#maxInFlight || this.#stop.signal.aborted) return undefined;
    return new Promise((resolve) => this.#wakeWhenRoom.push(resolve));
  }

  /** Takes the message; the caller has waited for {@linkcode room}. */
  send(message: OutgoingMessage, settled: Settled): void {
    this.#enter(message, settled);
  }

  #enter(message: OutgoingMessage, settled: Settled): Entry {
    const now = this.options.clock.monotonic();
    const entry: Entry = {
      message,
      settled,
      deadline: now + this.#giveUpAfterMs,
      failures: 0,
      held: false,
      suspected: false,
      retryAt: undefined,
      lastProblem: { reason: "unconfirmed", detail: "there is no connection to the broker" },
    };
    this.#inFlight.add(entry);
    if (this.#stop.signal.aborted) this.#giveUp(entry, "closed", messageOf(this.#stop.signal.reason));
    else this.#transmit(entry);
    return entry;
  }

  /**
   * Resolves when the broker has confirmed the message.
   * @param signal ends the wait, which a broker that blocks us makes as long as it likes; a message that was on its way may
   * arrive all the same
   * @throws {PublishError}, or the signal's reason
   */
  async publish(message: OutgoingMessage, signal: AbortSignal = never): Promise<void> {
    // Another waiter may have taken the room.
    for (let room; (room = this.room());) await abortable(room, signal);
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = this.#enter(message, (error) => error ? reject(error) : resolve());
    try {
      await abortable(promise, signal);
    } finally {
      if (this.#inFlight.has(entry)) this.#settle(entry);
    }
  }

  /** Resolves when nothing is in flight; every message ends within its own deadline. */
  async flush(): Promise<void> {
    while (this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => this.#wakeWhenRoom.push(resolve));
    }
  }

  /**
   * Reports what is still in flight as not accepted, and closes the connection.
   * @param waitMs longest wait for what is in flight
   */
  async close(waitMs = drainMs): Promise<void> {
    await settledWithin(waitMs, this.options.clock, this.flush());
    this.#stop.abort(new Error("the publisher is closed"));
    for (const entry of this.#inFlight) {
      this.#giveUp(entry, "closed", "the publisher was closed before the broker confirmed it");
    }
    await this.#finished.catch(() => {});
  }

  async #use(connection: ChannelModel, lost: AbortSignal): Promise<void> {
    await ensureTopology(connection, this.options.topology);
    const channel = await connection.createConfirmChannel();
    const wire = new Wire(channel);
    this.#refusal = undefined;
    const refused = (error: Error) => {
      this.#refusal = messageOf(error);
      wire.fault = messageFaultOf(error);
    };
    // Both come before what was unconfirmed fails.
    connection.on("error", refused);
    const ended = new Promise<void>((resolve, reject) => {
      channel.on("error", (error: Error) => {
        refused(error);
        reject(error);
      });
      channel.on("close", () => reject(new Error("the broker closed the channel")));
      untilAborted(lost).then(() => reject(lost.reason));
      untilAborted(this.#stop.signal).then(resolve);
    });
    ended.catch(() => {});
    // Comes before the confirm of the same message, which is positive all the same.
    channel.on("return", ({ properties }) => this.#returned.add(String(properties.messageId)));
    // A "blocked" of an earlier connection is ignored: its "unblocked" would never come.
    connection.on("blocked", (reason: string) => this.#wire === wire && this.#setBlocked(reason));
    connection.on("unblocked", () => this.#wire === wire && this.#unblock());
    this.#wire = wire;
    for (const entry of this.#inFlight) this.#transmit(entry);
    try {
      await ended;
    } finally {
      if (this.#wire === wire) {
        this.#wire = undefined;
        this.#limit = wire.fault;
        if (this.#blocked) this.#setBlocked(undefined);
      }
    }
  }

  #transmit(entry: Entry): void {
    const wire = this.#wire;
    const { message } = entry;
    entry.retryAt = undefined;
    if (this.#limit && message.body.length > this.#limit.mostBytes) {
      return this.#giveUp(entry, "unacceptable", this.#limit.detail);
    }
    // A blocked broker would not read it before it unblocks us, and the caller may have given up by then.
    entry.held = !wire || this.#blocked || !wire.admits(message, entry.suspected);
    if (!wire || entry.held) return;
    const body = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength);
    try {
      wire.channel.publish(
        message.exchange,
        message.routingKey ?? "",
        body,
        publishOptions(message),
        (error: Error | null) => {
          this.#confirmed(entry, error, wire);
          if (wire.left(message, !error || error.message === nacked)) this.#transmitHeld();
        },
      );
      wire.entered();
    } catch (error) {
      if (this.#wire !== wire) return;
      // The channel closed a moment before we were told: the message goes with the next one.
      if (error instanceof IllegalOperationError) {
        entry.lastProblem = { reason: "unconfirmed", detail: messageOf(error) };
        // Not the broker's word: the message itself cannot be written, and never will be (headers over 64 KiB, say).
      } else this.#giveUp(entry, "unwritable", messageOf(error));
    }
  }

  #confirmed(entry: Entry, error: Error | null, { alone, fault }: Wire): void {
    const { messageId, exchange } = entry.message;
    if (!this.#inFlight.has(entry)) return;
    if (this.#returned.delete(messageId)) {
      this.#retry(entry, "returned", `the exchange ${exchange} leads to no queue`);
    } else if (!error) {
      this.#settle(entry);
    } else if (error.message === nacked) {
      this.#retry(entry, "refused", "the broker refused it; its queue may be full or without a leader");
    } else if (fault && alone) {
      this.#giveUp(entry, "unacceptable", fault.detail);
    } else {
      entry.suspected = fault !== undefined;
      const detail = this.#refusal ?? "the connection to the broker was lost before it was confirmed";
      this.#retry(entry, "unconfirmed", detail);
    }
  }

  #retry(entry: Entry, reason: PublishError["reason"], detail: string): void {
    const { clock, random } = this.options;
    entry.failures++;
    entry.lastProblem = { reason, detail };
    entry.retryAt = clock.monotonic() + backoffMs(entry.failures, retryBackoff, random);
  }

  #settle(entry: Entry, error?: PublishError): void {
    this.#inFlight.delete(entry);
    entry.settled(error);
    if (this.#inFlight.size < this.#maxInFlight && this.#wakeWhenRoom.length > 0) {
      const waiters = this.#wakeWhenRoom;
      this.#wakeWhenRoom = [];
      for (const wake of waiters) wake();
    }
  }

  #giveUp(entry: Entry, reason: PublishError["reason"], detail: string): void {
    this.#settle(entry, new PublishError(reason, entry.message.messageId, detail));
  }

  /** One timer for all messages: sends again what is due, gives up what is late. */
  async #sweep(): Promise<void> {
    const { clock } = this.options;
    let last = clock.monotonic();
    while (!this.#stop.signal.aborted) {
      await clock.sleep(sweepEveryMs, this.#stop.signal).catch(() => {});
      const now = clock.monotonic();
      for (const entry of this.#inFlight) {
        if (this.#blocked) entry.deadline += now - last;
        if (entry.deadline <= now) this.#giveUp(entry, entry.lastProblem.reason, entry.lastProblem.detail);
        else if (entry.retryAt !== undefined && entry.retryAt <= now) this.#transmit(entry);
      }
      last = now;
    }
  }

  #unblock(): void {
    this.#setBlocked(undefined);
    this.#transmitHeld();
  }

  #transmitHeld(): void {
    for (const entry of this.#inFlight) if (entry.held) this.#transmit(entry);
  }

  #setBlocked(reason: string | undefined): void {
    const { log, name, onBlocked } = this.options;
    this.#blocked = reason !== undefined;
    if (reason === undefined) log.info("The broker accepts messages again", { connection: name });
    else log.warn("The broker blocks publishing; waiting", { event: "publisher.blocked", connection: name, reason });
    onBlocked?.(reason);
  }

  /** No retry can help: everything in flight, and all that is sent from now on, is reported as not accepted. */
  #fail(error: unknown): never {
    this.#stop.abort(error);
    for (const entry of this.#inFlight) this.#giveUp(entry, "closed", messageOf(error));
    throw error;
  }
}
