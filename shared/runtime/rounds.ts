import type { Clock } from "./clock.ts";
import { abortable } from "./deadline.ts";
import { messageOf } from "./errors.ts";
import type { Log } from "./telemetry/log.ts";

export interface RoundsOptions {
  /** Pause between two rounds, ms. */
  readonly everyMs: number;
  /** Message of the debug record for a round that failed. */
  readonly failed: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs one round after another until the signal is aborted; a round under way is then left behind. Never throws: a round
 * that fails is followed by the next.
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
    await clock.sleep(everyMs, stop).catch(() => {});
  }
}
