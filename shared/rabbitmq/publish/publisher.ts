/**
 * Publishes with confirms over one connection that reconnects. Each message is either confirmed or reported as not
 * accepted, exactly once. The number of unconfirmed messages is bounded.
 */
import { Buffer } from "node:buffer";
import { type ChannelModel, IllegalOperationError } from "amqplib";
import { abortable, never, settledWithin, untilAborted } from "../../runtime/deadline.ts";
import { type Backoff, backoffMs } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import { type BrokerOptions, keepConnected } from "../connection.ts";
import { type OutgoingMessage, publishOptions } from "../message.ts";
import { ensureTopology, type Topology } from "../topology.ts";
import { Refusals, type Refused } from "./refusals.ts";
import { type MessageFault, messageFaultOf, Wire } from "./wire.ts";

export interface PublisherOptions extends BrokerOptions {
  readonly topology: Topology;
  /** Maximum number of unconfirmed messages. */
  readonly maxInFlight?: number;
  /** How long a message is retried until it counts as not accepted, in ms, without time while the broker blocks. */
  readonly giveUpAfterMs?: number;
  /** Called when the broker blocks publishing (memory or disk alarm), and with `undefined` when it unblocks. */
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

  /** A retry does not help: the client cannot write the message, or the broker closes the channel because of it. */
  get isFinal(): boolean {
    return this.reason === "unwritable" || this.reason === "unacceptable";
  }
}

/** Called once. Without an error, the broker has confirmed the message. */
export type Settled = (error?: PublishError) => void;

interface Entry {
  readonly message: OutgoingMessage;
  readonly settled: Settled;
  /** Monotonic ms; extended while the broker blocks us. */
  deadline: number;
  failures: number;
  /** Not sent: there was no connection, the broker blocked us, or the message must wait for others in flight. */
  held: boolean;
  refused: Refused | undefined;
  /** The message was in flight when the broker closed the channel because of some message. */
  suspected: boolean;
  /** When to retry after a failure, in monotonic ms. */
  retryAt: number | undefined;
  lastProblem: { reason: PublishError["reason"]; detail: string };
}

const retryBackoff: Backoff = { first: 50, most: 2_000 };
const sweepEveryMs = 100;
const drainMs = 5_000;
/** amqplib 2.3.1's error message for a negative confirm, which has no code. */
const nacked = "message nacked";

export class ConfirmPublisher {
  readonly #inFlight = new Set<Entry>();
  readonly #returned = new Set<string>();
  readonly #stop = new AbortController();
  readonly #maxInFlight: number;
  readonly #giveUpAfterMs: number;
  #wakeWhenRoom: (() => void)[] = [];
  #wakeSweep: (() => void) | undefined;
  #wire: Wire | undefined;
  /** Why the broker closed the last channel, if known. */
  #refusal: string | undefined;
  /** The size limit, learned when a message closed the last channel. The broker raises its limit only by a restart. */
  #limit: MessageFault | undefined;
  #blocked = false;
  readonly #refusals = new Refusals();
  readonly #finished: Promise<unknown>;

  constructor(private readonly options: PublisherOptions) {
    this.#maxInFlight = options.maxInFlight ?? 1_000;
    this.#giveUpAfterMs = options.giveUpAfterMs ?? 30_000;
    const connected = keepConnected(options, (connection, lost) => this.#use(connection, lost), this.#stop.signal)
      .catch((error) => this.#fail(error));
    this.#finished = Promise.all([connected, this.#sweep()]);
    this.#finished.catch(() => {});
  }

  /** Number of messages that are neither confirmed nor given up. */
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
   * Resolves when the publisher is closed.
   * @throws errors that a retry does not fix, such as bad credentials; the publisher then accepts no messages
   */
  get finished(): Promise<unknown> {
    return this.#finished;
  }

  /** Resolves when one more message may be sent. Returns `undefined` when it may be sent now. */
  room(): Promise<void> | undefined {
    if (this.#inFlight.size < this.#maxInFlight || this.#stop.signal.aborted) return undefined;
    return new Promise((resolve) => this.#wakeWhenRoom.push(resolve));
  }

  /** Sends the message. The caller must wait for {@linkcode room} first. */
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
      refused: undefined,
      suspected: false,
      retryAt: undefined,
      lastProblem: { reason: "unconfirmed", detail: "there is no connection to the broker" },
    };
    this.#inFlight.add(entry);
    this.#wakeSweep?.();
    if (this.#stop.signal.aborted) this.#giveUp(entry, "closed", messageOf(this.#stop.signal.reason));
    else this.#transmit(entry);
    return entry;
  }

  /**
   * Resolves when the broker has confirmed the message.
   * @param signal ends the wait, which has no limit while the broker blocks us; a message in flight may still arrive
   * @throws {PublishError}, or the signal's reason
   */
  async publish(message: OutgoingMessage, signal: AbortSignal = never): Promise<void> {
    // Another waiter may have been faster.
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

  /** Resolves when nothing is in flight. Each message is settled by its own deadline. */
  async flush(): Promise<void> {
    while (this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => this.#wakeWhenRoom.push(resolve));
    }
  }

  /**
   * Waits for messages in flight, reports the rest as not accepted, and closes the connection.
   * @param waitMs how long to wait for messages in flight, in ms
   */
  async close(waitMs = drainMs): Promise<void> {
    await settledWithin(waitMs, this.options.clock, this.flush());
    this.#stop.abort(new Error("the publisher is closed"));
    for (const entry of this.#inFlight) {
      this.#giveUp(entry, "closed", "the publisher was closed before the broker confirmed the message");
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
    // Both events come before the unconfirmed messages fail.
    connection.on("error", refused);
    const ended = new Promise<void>((resolve, reject) => {
      channel.on("error", (error: Error) => {
        refused(error);
        reject(error);
      });
      channel.on("close", () => reject(new Error("the broker closed the channel")));
      untilAborted(lost).then(() => reject(lost.reason));
      untilAborted(this.#stop.signal).then(resolve);
      wire.replace = () => reject(new Error("the broker keeps refusing a message on this channel"));
    });
    ended.catch(() => {});
    // The return comes before the message's confirm, which is positive even so.
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
    // A blocking broker reads nothing until it unblocks us, and the caller may have given up by then.
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
      // The channel closed, but its event is still to come. The message goes over the next channel.
      if (error instanceof IllegalOperationError) {
        entry.lastProblem = { reason: "unconfirmed", detail: messageOf(error) };
        // The client cannot write the message, for example because its headers exceed 64 KiB. A retry does not help.
      } else this.#giveUp(entry, "unwritable", messageOf(error));
    }
  }

  #confirmed(entry: Entry, error: Error | null, wire: Wire): void {
    const { alone, fault } = wire;
    const { messageId, exchange } = entry.message;
    if (!this.#inFlight.has(entry)) return;
    if (this.#returned.delete(messageId)) {
      this.#retry(entry, "returned", `the exchange ${exchange} routes to no queue`);
    } else if (!error) {
      this.#settle(entry);
    } else if (error.message === nacked) {
      this.#retry(entry, "refused", "the broker rejected the message; its queue may be full or without a leader");
      this.#refusedBy(wire, entry);
    } else if (fault && alone) {
      this.#giveUp(entry, "unacceptable", fault.detail);
    } else {
      entry.suspected = fault !== undefined;
      const detail = this.#refusal ?? "the connection to the broker was lost before the confirm";
      this.#retry(entry, "unconfirmed", detail);
    }
  }

  #retry(entry: Entry, reason: PublishError["reason"], detail: string): void {
    const { clock, random } = this.options;
    entry.failures++;
    entry.lastProblem = { reason, detail };
    entry.retryAt = clock.monotonic() + backoffMs(entry.failures, retryBackoff, random);
  }

  #refusedBy(wire: Wire, entry: Entry): void {
    const now = this.options.clock.monotonic();
    if (entry.refused?.by !== wire) entry.refused = { by: wire, since: now };
    else if (this.#wire === wire && this.#refusals.needNewChannel(entry.refused, now)) wire.replace();
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

  /**
   * One timer for all messages: retries messages that are due and gives up messages past their deadline. Without
   * messages, no timer wakes the process.
   */
  async #sweep(): Promise<void> {
    const { clock } = this.options;
    let last = clock.monotonic();
    while (!this.#stop.signal.aborted) {
      if (this.#inFlight.size === 0) {
        await this.#untilEntered();
        last = clock.monotonic();
      }
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

  async #untilEntered(): Promise<void> {
    const entered = new Promise<void>((resolve) => this.#wakeSweep = resolve);
    await abortable(entered, this.#stop.signal).catch(() => {});
    this.#wakeSweep = undefined;
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
    else log.warn("The broker blocks publishers; waiting", { event: "publisher.blocked", connection: name, reason });
    onBlocked?.(reason);
  }

  /** A retry does not help: reports all messages, in flight and sent later, as not accepted. */
  #fail(error: unknown): never {
    this.#stop.abort(error);
    for (const entry of this.#inFlight) this.#giveUp(entry, "closed", messageOf(error));
    throw error;
  }
}
