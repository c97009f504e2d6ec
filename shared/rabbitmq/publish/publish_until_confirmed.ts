/** Publishes a message to another queue until it is confirmed; only then may the original be acked. */
import { type Backoff, backoffMs, type Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/errors.ts";
import type { Random } from "../../runtime/random.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import type { OutgoingMessage } from "../message.ts";
import { PublishError } from "./publisher.ts";

export interface UntilConfirmedOptions {
  readonly publisher: { publish(message: OutgoingMessage, signal: AbortSignal): Promise<void> };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const backoff: Backoff = { first: 200, most: 10_000 };

/**
 * - `confirmed`: the broker has it in the other queue
 * - `impossible`: a retry does not help, because the client cannot write the message or the broker never accepts it
 * - `unfinished`: the signal was aborted
 */
export type Moved = "confirmed" | "impossible" | "unfinished";

export async function publishUntilConfirmed(
  message: OutgoingMessage,
  { publisher, clock, random, log }: UntilConfirmedOptions,
  signal: AbortSignal,
): Promise<Moved> {
  const { messageId, exchange } = message;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await publisher.publish(message, signal);
      return "confirmed";
    } catch (error) {
      if (signal.aborted) break;
      const problem = messageOf(error);
      if (error instanceof PublishError && error.isFinal) {
        log.error("A message cannot be published again; it is left to the broker", {
          event: "message.left_to_broker",
          ...{ messageId, exchange, problem },
        });
        return "impossible";
      }
      log.error(`The queue ${exchange} did not accept a message, trying again`, {
        event: "message.not_accepted",
        ...{ messageId, problem },
      });
      await clock.sleep(backoffMs(attempt, backoff, random), signal).catch(() => {});
    }
  }
  return "unfinished";
}
