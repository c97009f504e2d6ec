/**
 * Moves dead letters from their queue into the table, in order, and acks them after the commit. Every subscriber has a
 * keeper, and the keepers share the queue. Each letter is in the table once, however often the queue delivers it. While
 * Postgres does not take letters, they stay in the queue, and their delivery count does not grow.
 */
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { unreadBytesOf } from "../../../shared/rabbitmq/consume/inflow.ts";
import {
  brokerListensAt,
  type BrokerOptions,
  keepConnected,
  openConnection,
} from "../../../shared/rabbitmq/connection.ts";
import { settledWithin } from "../../../shared/runtime/deadline.ts";
import { rememberProperties } from "../../../shared/runtime/deno_workarounds/amqp_exact_properties.ts";
import { closeChannel } from "../../../shared/runtime/deno_workarounds/amqp_close_channel.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { printable } from "../../../shared/runtime/printable.ts";
import { LetterMover, type MoverOptions } from "./letter_mover.ts";
import { LetterSession, mostLetterBytes } from "./letter_session.ts";
import type { LetterTable } from "../letter_table.ts";
import type { WrittenTable } from "./letter_writer.ts";

/** Options of a keeper. The keeper does not declare its queue. */
export interface KeeperOptions extends BrokerOptions, MoverOptions {
  readonly table: WrittenTable & Pick<LetterTable, "check">;
}

/** Retry delay after the broker refused the keeper: an operator must first grant a permission (ms). */
const refusedAgainMs = 30_000;
const [leaveTimeoutMs, declaredAgainMs] = [2_000, 200];

export class DeadLetterKeeper {
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;
  /** Whether the last connection was lost with unread letters in its socket. */
  #isCareful = false;

  constructor(private readonly options: KeeperOptions) {
    this.#finished = this.#run();
  }

  /** Stops the keeper. Letters in hand go back to the queue, except those being committed. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("the keeper is closed"));
    await this.#finished;
  }

  /** Never rejects: when the broker refuses the keeper, the subscriber goes on and letters wait in their queue. */
  async #run(): Promise<void> {
    const { clock, log, queue, state, name } = this.options;
    const connect = async (given: Pick<BrokerOptions, "url" | "name">) => {
      const connection = await (this.options.connect ?? openConnection)(given);
      rememberProperties(connection, "all");
      return connection;
    };
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await keepConnected(
          { isThere: brokerListensAt, ...this.options, connect },
          (connection, lost) => this.#consume(connection, lost),
          signal,
        );
      } catch (error) {
        const problem = messageOf(error);
        state.refused = problem;
        log.error("The broker rejects the keeper; dead letters stay in their queue", {
          ...{ event: "dead_letters.refused", connection: name, queue, problem },
        });
        await clock.sleep(refusedAgainMs, signal).catch(() => {});
      }
    }
  }

  async #consume(connection: ChannelModel, lost: AbortSignal): Promise<void> {
    const { queue, clock, log, name, state } = this.options;
    await this.#untilDeclared(connection, lost);
    const channel = await connection.createChannel();
    const failed = new AbortController();
    channel.on("error", (error: Error) => failed.abort(error));
    channel.on("close", () => failed.abort(new Error("the broker closed the channel")));
    const over = AbortSignal.any([lost, failed.signal, this.#stop.signal]);
    const session = new LetterSession(connection, channel, {
      ...{ queue, careful: this.#isCareful },
      onUnread: (message) => this.#tellUnread(message),
      onEnd: (reason) => failed.abort(reason),
    });
    const mover = new LetterMover(this.options, session, over);
    try {
      // Taking a letter counts as a delivery: take none before the table is ready.
      await mover.untilTaken(() => this.options.table.check());
      await session.start();
      state.refused = undefined;
      log.info("Moving dead letters into the table", { event: "dead_letters.ready", connection: name, queue });
      while (true) {
        await mover.step();
        this.#isCareful = session.isCareful;
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw failed.signal.aborted ? failed.signal.reason : error;
    } finally {
      this.#isCareful ||= session.isFull;
      state.unread = state.rejected = undefined;
      state.inHand = 0;
    }
    // Closing the channel, or the connection before it, may overtake acks that are still on their way.
    await settledWithin(leaveTimeoutMs, clock, session.end());
    await settledWithin(leaveTimeoutMs, clock, closeChannel(channel));
  }

  /** Waits until the queue exists. The subscriber's other connections declare it, or `deno task provision`. */
  async #untilDeclared(connection: ChannelModel, lost: AbortSignal): Promise<void> {
    const { queue, clock } = this.options;
    const over = AbortSignal.any([lost, this.#stop.signal]);
    while (!over.aborted) {
      const channel = await connection.createChannel();
      channel.on("error", () => {});
      try {
        await channel.checkQueue(queue);
        return await closeChannel(channel);
      } catch (error) {
        // The broker has closed the channel: the queue does not exist yet.
        if ((error as { code?: unknown }).code !== 404) throw error;
      }
      await clock.sleep(declaredAgainMs, over).catch(() => {});
    }
  }

  #tellUnread(message: ConsumeMessage): void {
    const { log, state, queue } = this.options;
    const [bytes, messageId] = [unreadBytesOf(message), printable(String(message.properties.messageId ?? "?"))];
    state.unread = { letters: (state.unread?.letters ?? 0) + 1, messageId, bytes };
    log.error("A dead letter is too large; it stays in its queue", {
      ...{ event: "dead_letters.unread", queue, messageId },
      problem: `the body has ${bytes} bytes; the limit is ${mostLetterBytes}`,
    });
  }
}
