/**
 * Moves the letters of one session into the table. While the table refuses everything, all letters wait; else only the
 * rejected ones.
 */
import type { BrokerOptions } from "../../../shared/rabbitmq/connection.ts";
import { abortable, settledWithin } from "../../../shared/runtime/deadline.ts";
import { type Backoff, backoffMs } from "../../../shared/runtime/clock.ts";
import { classifyStoreError, describeRefusal, explainStoreError } from "../../../shared/runtime/errors.ts";
import { type KeeperState, noteKept } from "./keeper_state.ts";
import type { LetterInHand, LetterSession } from "./letter_session.ts";
import { LetterWriter, type Written, type WrittenTable } from "./letter_writer.ts";
import { RejectedLetters } from "./rejected_letters.ts";

export interface MoverOptions extends Pick<BrokerOptions, "clock" | "log" | "random"> {
  readonly queue: string;
  readonly table: WrittenTable;
  readonly state: KeeperState;
  /** Retry delay for letters that Postgres rejected (ms); one minute by default. */
  readonly rejectedAgainMs?: number;
}

const storeBackoff: Backoff = { first: 200, most: 10_000 };
const [answerMs, rejectedAgainMs] = [1_000, 60_000];
/** A refused batch is divided at the first of this many attempts. The other attempts retry it whole. */
const dividedEach = 6;

export class LetterMover {
  readonly #writer: LetterWriter;
  readonly #rejected: RejectedLetters;

  /** @param over ends every wait */
  constructor(
    private readonly options: MoverOptions,
    private readonly session: LetterSession,
    private readonly over: AbortSignal,
  ) {
    this.#writer = new LetterWriter(options.table);
    this.#rejected = new RejectedLetters(options.clock, options.rejectedAgainMs ?? rejectedAgainMs);
  }

  /** Moves the next letters, or retries rejected letters. @throws the signal's reason */
  async step(): Promise<void> {
    const { session } = this;
    await this.#untilArrivedOrDue();
    const batch = session.take();
    if (batch.length > 0) await this.#keep(batch);
    if (this.#rejected.dueInMs === 0) await this.#tryRejected();
    this.#tell();
  }

  /**
   * Runs `act` until it succeeds, with backoff. Pauses the consumer meanwhile.
   * @throws the signal's reason
   */
  async untilTaken(act: (attempt: number) => Promise<void>): Promise<void> {
    const { clock, random, log, state, queue } = this.options;
    const { session, over } = this;
    for (let attempt = 1;; attempt++) {
      over.throwIfAborted();
      try {
        await abortable(act(attempt), over);
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
        session.pause();
        this.#tell();
        // While the session is full, nothing is read from the socket, so the broker's answer would not arrive.
        if (!session.isFull) {
          const depth = session.channel.checkQueue(queue);
          const answered = await abortable(settledWithin(answerMs, clock, depth), over);
          if (answered) state.watchDepth(await depth, session.consumersInHold, { clock, log });
          this.#tell();
        }
        await clock.sleep(backoffMs(attempt, storeBackoff, random), over).catch(() => {});
      }
    }
  }

  async #untilArrivedOrDue(): Promise<void> {
    const { clock } = this.options;
    const ms = this.#rejected.dueInMs;
    if (ms === Infinity) return await abortable(this.session.arrived, this.over);
    const arrived = new AbortController();
    const due = clock.sleep(ms, arrived.signal).catch(() => {});
    try {
      await abortable(Promise.race([this.session.arrived, due]), this.over);
    } finally {
      arrived.abort();
    }
  }

  async #keep(batch: readonly LetterInHand[]): Promise<void> {
    let left = batch;
    await this.untilTaken(async (attempt) => {
      const written = await this.#writer.write(left.map(({ row }) => row), attempt % dividedEach === 1);
      // The channel may be lost by now. The broker then redelivers these letters, which are already in the table.
      this.over.throwIfAborted();
      left = this.#settle(left, written);
      if (left.length > 0) throw written.problem;
    });
    this.session.resume();
  }

  /** Acks the stored letters and holds the rejected ones. @returns the letters left */
  #settle(batch: readonly LetterInHand[], { taken, rejected, left }: Written): LetterInHand[] {
    const { state, clock, log } = this.options;
    const waits = new Set(left);
    const held = new Set(rejected.keys());
    this.session.settle(batch.filter(({ row }) => !waits.has(row)), held);
    for (const letter of batch) if (held.has(letter.row)) this.#reject(letter, rejected.get(letter.row));
    if (taken.length > 0) noteKept(state, taken.map(({ letter }) => letter), { clock, log });
    return batch.filter(({ row }) => waits.has(row));
  }

  #reject(letter: LetterInHand, error: unknown): void {
    const problem = describeRefusal(error);
    this.options.log.error("Postgres rejects a dead letter; it stays in its queue", {
      ...{ event: "dead_letters.rejected", messageId: letter.row.letter.messageId, problem },
    });
    this.#rejected.add(letter, problem);
  }

  async #tryRejected(): Promise<void> {
    const { state, clock, log } = this.options;
    for (let isMended = true; isMended;) {
      isMended = false;
      for (const letter of this.#rejected.turn()) {
        const error = await abortable(this.#writer.writeAlone(letter.row), this.over);
        if (error === undefined) {
          this.session.release(letter);
          this.#rejected.remove(letter);
          noteKept(state, [letter.row.letter], { clock, log });
          isMended = true;
          continue;
        }
        this.#rejected.rejectedAgain(letter, describeRefusal(error));
        // The database is away, or every further attempt may time out.
        if (classifyStoreError(error) !== "refused") return this.#rejected.postpone();
      }
    }
    this.#rejected.postpone();
  }

  #tell(): void {
    const { state } = this.options;
    state.inHand = this.session.unacknowledged;
    state.rejected = this.#rejected.told;
  }
}
