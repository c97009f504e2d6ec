/** What is on its way over one channel of a publisher. */
import type { ConfirmChannel } from "amqplib";
import type { OutgoingMessage } from "../message.ts";

/**
 * The broker closes the channel over a message that is larger than it takes, and with it what else is on its way there:
 * nobody knows then what has arrived, and all of it would be sent twice. So a message that is larger than any before it on
 * this channel goes alone. That costs a round trip a handful of times, for sizes soon repeat.
 */
export class Wire {
  /** Why the channel was closed, where a message was at fault. */
  fault: MessageFault | undefined;
  #count = 0;
  #alone = false;
  #waiting = false;
  #largest = -1;

  constructor(readonly channel: ConfirmChannel) {}

  /** Whether what is on its way is one message that went alone. */
  get alone(): boolean {
    return this.#alone;
  }

  /** Whether the message may go now; otherwise once {@linkcode left} has returned true. */
  admits({ body, alone: mustGoAlone }: Pick<OutgoingMessage, "body" | "alone">, suspected: boolean): boolean {
    const alone = suspected || mustGoAlone === true || body.length > this.#largest;
    if (this.#count > 0 && (alone || this.#alone || this.#waiting)) {
      this.#waiting = true;
      return false;
    }
    this.#alone = alone;
    return true;
  }

  entered(): void {
    this.#count++;
  }

  /**
   * @param accepted whether it was of a size that the broker takes
   * @returns whether the messages that wait may be tried again
   */
  left({ body }: Pick<OutgoingMessage, "body">, accepted: boolean): boolean {
    if (accepted && body.length > this.#largest) this.#largest = body.length;
    if (--this.#count > 0) return false;
    this.#alone = false;
    const waited = this.#waiting;
    this.#waiting = false;
    return waited;
  }
}

/**
 * AMQP's codes for a message that the broker will never take, by which it closes channel or connection: content too large,
 * frame error, syntax error, precondition failed (RabbitMQ's for a size beyond `max_message_size`).
 */
const codesOfMessages: readonly unknown[] = [311, 406, 501, 502];

/** Why a channel or its connection was closed, where that was the fault of a message on its way. */
export interface MessageFault {
  readonly detail: string;
  /** Longest body that the broker takes, if it said so. */
  readonly mostBytes: number;
}

/** `undefined` for an error that says nothing about the messages on their way. */
export function messageFaultOf(error: Error): MessageFault | undefined {
  if (!codesOfMessages.includes((error as { code?: unknown }).code)) return undefined;
  const most = /larger than (?:configured )?max size (\d+)/.exec(error.message)?.[1];
  return { detail: error.message, mostBytes: most === undefined ? Infinity : Number(most) };
}
