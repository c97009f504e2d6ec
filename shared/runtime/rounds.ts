import { type Clock, sleepToTick } from "./clock.ts";
import { abortable } from "./deadline.ts";
import { messageOf } from "./errors.ts";
import type { Log } from "./telemetry/log.ts";

export interface RoundsOptions {
  /** From the end of one round to the next, in ms. See {@linkcode sleepToTick}. */
  readonly everyMs: number | (() => number);
  /** Message of the debug record for a failed round. */
  readonly failed: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs one round after another until the signal is aborted; does not wait for a round that is running then. Never
 * rejects: after a failed round comes the next.
 */
export async function inRounds(
  round: () => Promise<unknown>,
  { everyMs, failed, clock, log }: RoundsOptions,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    try {
      await abortable(round(), stop);
    } catch (error) {
      if (!stop.aborted) log.debug(failed, { problem: messageOf(error) });
    }
    await sleepToTick(clock, typeof everyMs === "number" ? everyMs : everyMs(), stop).catch(() => {});
  }
}
