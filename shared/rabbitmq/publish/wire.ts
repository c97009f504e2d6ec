/** The messages in flight on one channel of a publisher. */
import type { ConfirmChannel } from "amqplib";
import type { OutgoingMessage } from "../message.ts";

/**
 * Sends a message alone if it is larger than every earlier message on the channel.
 *
 * The broker closes the channel when a message exceeds its size limit. It is then unknown which other messages in
 * flight have arrived, and all would be sent twice. Sending alone costs only a few round trips, because sizes soon
 * repeat.
 */
export class Wire {
  /** Why the channel was closed, if a message was the cause. */
  fault: MessageFault | undefined;
  /** Ends the channel, so that all that is in flight goes over another. */
  replace: () => void = () => {};
  #count = 0;
  #alone = false;
  #waiting = false;
  #largest = -1;

  constructor(readonly channel: ConfirmChannel) {}

  /** Whether the only message in flight was sent alone. */
  get alone(): boolean {
    return this.#alone;
  }

  /** Returns whether the message may be sent now. If not, try again when {@linkcode left} returns true. */
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
   * @param accepted whether the broker accepts messages of this size
   * @returns whether the waiting messages may be tried again
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
 * AMQP's codes with which the broker closes the channel or connection because of a message that it never accepts:
 * content too large, precondition failed (RabbitMQ's for a size beyond `max_message_size`), frame error, syntax error.
 */
const codesOfMessages: readonly unknown[] = [311, 406, 501, 502];

/** Why a message in flight made the broker close the channel or its connection. */
export interface MessageFault {
  readonly detail: string;
  /** The broker's maximum body size in bytes; `Infinity` if unknown. */
  readonly mostBytes: number;
}

/** Returns `undefined` for an error that no message in flight caused. */
export function messageFaultOf(error: Error): MessageFault | undefined {
  if (!codesOfMessages.includes((error as { code?: unknown }).code)) return undefined;
  const most = /larger than (?:configured )?max size (\d+)/.exec(error.message)?.[1];
  return { detail: error.message, mostBytes: most === undefined ? Infinity : Number(most) };
}
