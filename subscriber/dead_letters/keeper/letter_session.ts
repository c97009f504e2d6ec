/** A keeper's channel: a bounded number of letters in hand, and their acks. */
import { type Channel, type ChannelModel, type ConsumeMessage, IllegalOperationError } from "amqplib";
import { Inflow, unreadBytesOf } from "../../../shared/rabbitmq/consume/inflow.ts";
import { type LetterRow, rowOf } from "../letter_row.ts";

/** Largest letter that is read: RabbitMQ 4's default limit (`max_message_size`). */
export const mostLetterBytes = 16_777_216;
/** Maximum bytes in one transaction. With more bytes in hand no letter is read, so a large letter is alone. */
const mostBytesInHand = 4_194_304;
/** Maximum number of letters in hand, and in one transaction. */
const [fullPrefetch, batchLetters] = [200, 100];
/** With one letter in hand, none waits in the socket: the broker closes a connection that reads nothing for 30 s. */
const carefulPrefetch = 1;

export interface LetterSessionOptions {
  readonly queue: string;
  /** Takes letters one by one until a full prefetch of them is settled. */
  readonly careful: boolean;
  /** Called with a letter that is too large to read. The session holds it. */
  readonly onUnread: (message: ConsumeMessage) => void;
  /** Called when no more letters will come, with the reason. */
  readonly onEnd: (reason: Error) => void;
}

/** A letter with its delivery tag and its consumer. */
export interface LetterInHand {
  readonly row: LetterRow;
  readonly tag: number;
  readonly consumer: string;
}

export class LetterSession {
  readonly #inflow: Inflow;
  #letters: LetterInHand[] = [];
  #arrived = Promise.withResolvers<void>();
  #prefetch: number;
  #settled = 0;
  #consumer: string | undefined;
  #lastConsumer: string | undefined;
  #consumers = 0;
  /** Held letters by consumer, cancelled consumers included. They count towards the consumer's prefetch. */
  readonly #held = new Map<string, number>();
  #unacknowledged = 0;

  constructor(connection: ChannelModel, readonly channel: Channel, private readonly options: LetterSessionOptions) {
    this.#inflow = new Inflow(connection, { mostBodyBytes: mostLetterBytes, mostBytesInHand });
    this.#prefetch = options.careful ? carefulPrefetch : fullPrefetch;
  }

  /** Whether nothing is read from the socket until a letter in hand is settled. */
  get isFull(): boolean {
    return this.#inflow.isPaused;
  }

  get isCareful(): boolean {
    return this.#prefetch < fullPrefetch;
  }

  /** Number of this session's consumers in the broker's count while the session is paused. */
  get consumersInHold(): number {
    const consumers = new Set(this.#held.keys());
    if (this.#lastConsumer !== undefined) consumers.add(this.#lastConsumer);
    return consumers.size;
  }

  /** Number of letters in hand, held ones included. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  async start(): Promise<void> {
    await this.channel.prefetch(this.#prefetch);
    await this.#consume();
  }

  /** Stops taking letters for good. The queue has processed all earlier acks when it answers: ChannelSession.leave(). */
  async end(): Promise<void> {
    try {
      if (this.#lastConsumer !== undefined) await this.channel.cancel(this.#lastConsumer);
    } catch {
      // The channel is closed: the broker redelivers what it has no ack of, and the table recognises it.
    }
  }

  /** Resumes taking letters, without waiting for the broker: its answer may come behind letters in the socket. */
  resume(): void {
    if (this.#consumer === undefined) this.#consume().catch(this.options.onEnd);
  }

  /** Stops taking letters. Keeps the letters in hand. */
  pause(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) this.channel.cancel(consumer).catch(this.options.onEnd);
  }

  /** Resolves when a letter is in hand. */
  get arrived(): Promise<void> {
    return this.#arrived.promise;
  }

  /** Removes and returns the oldest letters, as many as fit into one transaction. */
  take(): LetterInHand[] {
    let [count, bytes] = [0, 0];
    for (const { row } of this.#letters) {
      bytes += row.bytes;
      if (count > 0 && (count === batchLetters || bytes > mostBytesInHand)) break;
      count++;
    }
    const batch = this.#letters.splice(0, count);
    if (this.#letters.length === 0) this.#arrived = Promise.withResolvers();
    return batch;
  }

  /**
   * Acks the batch, except `held`: those letters stay in their queue until {@linkcode release} or the session's end.
   */
  settle(batch: readonly LetterInHand[], held: ReadonlySet<LetterRow>): void {
    for (const { row, consumer } of batch) if (held.has(row)) this.#hold(consumer);
    this.#ack(batch.filter(({ row }) => !held.has(row)));
    this.#settled += batch.length;
    if (this.isCareful && this.#settled >= fullPrefetch) this.#takeMore().catch(this.options.onEnd);
    this.#inflow.remove(batch.reduce((bytes, { row }) => bytes + row.bytes, 0));
  }

  /** Acks a held letter. */
  release(letter: LetterInHand): void {
    this.#ack([letter]);
    const left = (this.#held.get(letter.consumer) ?? 0) - 1;
    if (left > 0) this.#held.set(letter.consumer, left);
    else this.#held.delete(letter.consumer);
  }

  #ack(letters: readonly LetterInHand[]): void {
    this.#unacknowledged -= letters.length;
    try {
      // An ack with `multiple` would also ack held letters.
      if (this.#held.size > 0) { for (const { tag } of letters) this.channel.ack(messageOf(tag)); }
      else if (letters.length > 0) this.channel.ack(messageOf(letters.at(-1)!.tag), true);
    } catch (error) {
      // The channel closed a moment before its event: the broker redelivers these letters.
      if (!(error instanceof IllegalOperationError)) throw error;
    }
  }

  /** Starts a consumer with a new tag: a cancelled consumer keeps its tag and prefetch while it has letters. */
  async #consume(): Promise<void> {
    const consumerTag = this.#consumer = this.#lastConsumer = `letters-${++this.#consumers}`;
    await this.channel.consume(this.options.queue, (message) => this.#receive(message), { consumerTag });
  }

  #receive(message: ConsumeMessage | null): void {
    const { queue, onUnread, onEnd } = this.options;
    if (message === null) {
      return onEnd(new Error(`the broker cancelled the keeper: the queue ${queue} was deleted or moved`));
    }
    this.#unacknowledged++;
    const { deliveryTag: tag, consumerTag: consumer } = message.fields;
    if (unreadBytesOf(message) > 0) {
      onUnread(message);
      return this.#hold(consumer);
    }
    const row = rowOf(message);
    this.#inflow.add(row.bytes);
    this.#letters.push({ row, tag, consumer });
    this.#arrived.resolve();
  }

  /** Counts a held letter. Replaces the consumer before held letters use up its prefetch. */
  #hold(consumer: string): void {
    const held = (this.#held.get(consumer) ?? 0) + 1;
    this.#held.set(consumer, held);
    if (held * 2 >= this.#prefetch && consumer === this.#consumer) this.#renew();
  }

  #renew(): void {
    this.pause();
    this.resume();
  }

  async #takeMore(): Promise<void> {
    this.#prefetch = fullPrefetch;
    await this.channel.prefetch(fullPrefetch);
    if (this.#consumer !== undefined) this.#renew();
  }
}

function messageOf(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
