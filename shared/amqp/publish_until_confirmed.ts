/** What leaves the event queue for another one must be safe there before its original is acked. */
import { type Backoff, backoffMs } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Log } from "../telemetry/log.ts";
import type { OutgoingMessage } from "./message.ts";

export interface UntilConfirmedOptions {
  readonly publisher: { publish(message: OutgoingMessage): Promise<void> };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const backoff: Backoff = { first: 200, most: 10_000 };

/** @returns whether the broker has confirmed it; `false` only once the signal is aborted */
export async function publishUntilConfirmed(
  message: OutgoingMessage,
  { publisher, clock, random, log }: UntilConfirmedOptions,
  signal: AbortSignal,
): Promise<boolean> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await publisher.publish(message);
      return true;
    } catch (error) {
      log.error(`The queue ${message.exchange} did not accept a message, trying again`, {
        messageId: message.messageId,
        problem: messageOf(error),
      });
      await clock.sleep(backoffMs(attempt, backoff, random), signal).catch(() => {});
    }
  }
  return false;
}
