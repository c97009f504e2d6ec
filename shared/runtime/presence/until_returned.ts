/** Waits between attempts to reach a server, and ends the wait early when the server returns. */
import type { Clock } from "../clock.ts";
import { settledWithin } from "../deadline.ts";
import type { Random } from "../random.ts";

/** Pause before each probe, in ms; jitter takes up to half of it. */
const probeEveryMs = 250;
/** Time limit of a probe. */
const probeTimeoutMs = 1_000;

/** Whether the server is there. Cheap: many clients ask this several times a second while the server is away. */
export type IsThere = () => Promise<boolean>;

export interface ReturnOptions {
  /** The longest wait, in ms. */
  readonly ms: number;
  /** Whether the last attempt found no server. */
  readonly wasAway: boolean;
  readonly isThere: IsThere;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Sleeps for `ms`, but only until a server that was away is there again. A server that is there all the time has
 * refused the last attempt for a reason that a probe does not see: the wait is then as long as without probes.
 * @param signal ends the wait
 * @returns whether the server has returned
 */
export async function untilReturned(options: ReturnOptions, signal: AbortSignal): Promise<boolean> {
  const { ms, isThere, clock, random } = options;
  const until = clock.monotonic() + ms;
  for (let isAway = options.wasAway; !signal.aborted;) {
    const leftMs = until - clock.monotonic();
    const pauseMs = probeEveryMs * (0.5 + random.next() / 2);
    await clock.sleep(Math.max(0, Math.min(leftMs, pauseMs)), signal).catch(() => {});
    if (signal.aborted || leftMs <= pauseMs) return false;
    const found = await probe(Math.min(probeTimeoutMs, leftMs - pauseMs));
    if (found && isAway) return true;
    isAway = !found;
  }
  return false;

  async function probe(timeoutMs: number): Promise<boolean> {
    let found = false;
    await settledWithin(timeoutMs, clock, isThere().then((is) => found = is));
    return found;
  }
}
