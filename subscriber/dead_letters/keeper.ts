/**
 * Moves dead letters from their queue into the table, in order, and acks them once they are committed. Every subscriber has
 * a keeper, and they share the queue: each letter is in the table once, whichever of them had it, and how often. While
 * Postgres does not take letters they stay in the queue, which does not count them as looked at.
 */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { unreadBytesOf } from "../../shared/rabbitmq/consume/inflow.ts";
import { type BrokerOptions, keepConnected, openConnection } from "../../shared/rabbitmq/connection.ts";
import { abortable, settledWithin } from "../../shared/runtime/deadline.ts";
import { rememberProperties } from "../../shared/runtime/deno_workarounds/amqp_exact_properties.ts";
import { closeChannel } from "../../shared/runtime/deno_workarounds/amqp_close_channel.ts";
import { type Backoff, backoffMs } from "../../shared/runtime/clock.ts";
import { explainStoreError, messageOf, sqlStateOf } from "../../shared/runtime/errors.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { type KeeperState, noteKept } from "./keeper_state.ts";
import type { LetterRow } from "./letter_row.ts";
import { type LetterInHand, LetterSession, mostLetterBytes } from "./letter_session.ts";
import type { LetterTable } from "./letter_table.ts";

export interface KeeperOptions extends BrokerOptions {
  /** Is declared by others. */
  readonly queue: string;
  readonly table: Pick<LetterTable, "check" | "keep">;
  readonly state: KeeperState;
}

const storeBackoff: Backoff = { first: 200, most: 10_000 };
/** Someone has to grant a permission first. */
const refusedAgainMs = 30_000;
const [leaveTimeoutMs, declaredAgainMs, answerMs] = [2_000, 200, 1_000];

export class DeadLetterKeeper {
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;
  /** The last connection was lost with letters in its socket. */
  #isCareful = false;

  constructor(private readonly options: KeeperOptions) {
    this.#finished = this.#run();
  }

  /** What is in hand goes back to the queue, unless it is being committed. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("the keeper is closed"));
    await this.#finished;
  }

  /** A broker that refuses the keeper is no reason for the subscriber to leave: letters wait in their queue. */
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
          { ...this.options, connect },
          (connection, lost) => this.#consume(connection, lost),
          signal,
        );
      } catch (error) {
        const problem = messageOf(error);
        state.refused = problem;
        log.error("The broker refuses the keeper of dead letters; they stay in their queue", {
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
    try {
      // A letter that is taken counts as delivered: none is, before there is somewhere to keep it.
      await this.#untilTaken(() => this.options.table.check(), channel, over);
      await session.start();
      state.refused = undefined;
      log.info("Keeping dead letters", { event: "dead_letters.ready", connection: name, queue });
      while (true) {
        await abortable(session.arrived, over);
        await this.#keep(session.take(), session, over);
        this.#isCareful = session.isCareful;
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw failed.signal.aborted ? failed.signal.reason : error;
    } finally {
      this.#isCareful ||= session.isFull;
      state.unread = undefined;
    }
    // On its own, the connection's close may overtake acks on their way.
    await settledWithin(leaveTimeoutMs, clock, closeChannel(channel));
  }

  /** The subscriber's other connections declare it, or `deno task provision`. */
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
        // The broker has closed the channel.
        if ((error as { code?: unknown }).code !== 404) throw error;
      }
      await clock.sleep(declaredAgainMs, over).catch(() => {});
    }
  }

  #tellUnread(message: ConsumeMessage): void {
    const { log, state, queue } = this.options;
    const [bytes, messageId] = [unreadBytesOf(message), printable(String(message.properties.messageId ?? "?"))];
    state.unread = { letters: (state.unread?.letters ?? 0) + 1, messageId, bytes };
    log.error("A dead letter is too large to be read; it stays in its queue", {
      ...{ event: "dead_letters.unread", queue, messageId },
      problem: `a body of ${bytes} bytes: at most ${mostLetterBytes} are read`,
    });
  }

  async #keep(batch: readonly LetterInHand[], session: LetterSession, over: AbortSignal): Promise<void> {
    const { log, state, clock } = this.options;
    const rows = batch.map(({ row }) => row);
    const rejected = new Set<LetterRow>();
    await this.#untilTaken(() => this.#store(rows, rejected), session.channel, over, session);
    session.resume();
    session.settle(batch, rejected);
    noteKept(state, rows.filter((row) => !rejected.has(row)).map(({ letter }) => letter), { clock, log });
  }

  /** @param rejected gets those that Postgres rejects each for its own sake: they stay in hand, and in their queue */
  async #store(rows: readonly LetterRow[], rejected: Set<LetterRow>): Promise<void> {
    const { table, log, state } = this.options;
    const [row, second] = rows;
    try {
      if (row) await table.keep(rows);
    } catch (error) {
      if (!isOfOneLetter(error)) throw error;
      if (row && !second) {
        const { messageId } = row.letter;
        log.error("Postgres rejects a dead letter; it stays in its queue", {
          ...{ event: "dead_letters.rejected", messageId, problem: messageOf(error) },
        });
        state.tell(
          `Postgres rejects the dead letter ${messageId} (${messageOf(error)}): it stays in its queue.`,
          this.options,
        );
        rejected.add(row);
        return;
      }
      // In halves and in order, until the letter stands alone.
      const half = rows.length >> 1;
      await this.#store(rows.slice(0, half), rejected);
      await this.#store(rows.slice(half), rejected);
    }
  }

  /**
   * Tries again, with backoff, for as long as Postgres does not answer.
   * @param session takes no more letters meanwhile
   * @throws the signal's reason
   */
  async #untilTaken(
    act: () => Promise<void>,
    channel: Channel,
    over: AbortSignal,
    session?: LetterSession,
  ): Promise<void> {
    const { clock, random, log, state, queue } = this.options;
    for (let attempt = 1;; attempt++) {
      over.throwIfAborted();
      try {
        await abortable(act(), over);
        if (state.held !== undefined) log.info("Dead letters are kept again", { event: "dead_letters.kept_again" });
        state.held = undefined;
        return;
      } catch (error) {
        over.throwIfAborted();
        const problem = explainStoreError(error);
        if (state.held !== problem) {
          log.warn("Postgres does not take dead letters; they wait in their queue", {
            ...{ event: "dead_letters.held", queue, problem },
          });
        }
        state.held = problem;
        session?.pause();
        // Else the broker's answer waits behind letters in the socket, which are not read before these are kept.
        if (!session?.isFull) {
          const depth = channel.checkQueue(queue);
          const answered = await abortable(settledWithin(answerMs, clock, depth), over);
          if (answered) state.watchDepth(await depth, session?.consumersInHold ?? 0, { clock, log });
        }
        await clock.sleep(backoffMs(attempt, storeBackoff, random), over).catch(() => {});
      }
    }
  }
}

/** Classes of SQLSTATE: data, constraints, limits. By any other, Postgres says nothing of one letter's values. */
function isOfOneLetter(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlStateOf(error) ?? "");
}
