/** A message that moves to another queue must be confirmed there before its original is acked. */
import { type Backoff, backoffMs, type Clock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/errors.ts";
import type { Random } from "../runtime/random.ts";
import type { Log } from "../runtime/telemetry/log.ts";
import type { Headers, OutgoingMessage } from "./message.ts";
import { PublishError } from "./publisher.ts";

export interface UntilConfirmedOptions {
  readonly publisher: { publish(message: OutgoingMessage, signal: AbortSignal): Promise<void> };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const backoff: Backoff = { first: 200, most: 10_000 };

export interface KeptMessage extends OutgoingMessage {
  /**
   * The headers of our own. A foreign publisher can send what amqplib reads and does not write, such as -1e300 or a time
   * beyond 64 bits: such a message goes with these alone.
   */
  readonly ownHeaders: Headers;
}

/** @returns whether the broker has confirmed it; `false` only once the signal is aborted */
export async function publishUntilConfirmed(
  { ownHeaders, ...asItCame }: KeptMessage,
  { publisher, clock, random, log }: UntilConfirmedOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let message: OutgoingMessage = asItCame;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await publisher.publish(message, signal);
      return true;
    } catch (error) {
      if (signal.aborted) break;
      if (error instanceof PublishError && error.reason === "unwritable") {
        message = { ...message, headers: ownHeaders, properties: undefined, timestampMs: clock.now(), appId: "" };
      }
      log.error(`The queue ${message.exchange} did not accept a message, trying again`, {
        event: "message.not_accepted",
        messageId: message.messageId,
        problem: messageOf(error),
      });
      await clock.sleep(backoffMs(attempt, backoff, random), signal).catch(() => {});
    }
  }
  return false;
}
