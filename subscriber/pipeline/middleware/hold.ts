/** Holds a batch: logs the problem, closes the gate, and backs off. */
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { type Backoff, backoffMs, type Clock } from "../../../shared/runtime/clock.ts";
import { classifyStoreError, explainStoreError, isServerGone } from "../../../shared/runtime/errors.ts";
import { type IsThere, untilReturned } from "../../../shared/runtime/presence/until_returned.ts";
import type { Random } from "../../../shared/runtime/random.ts";
import { nothingListens } from "../../../shared/runtime/server_kind.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { DatabaseGate } from "../database_gate.ts";

/** Backoff before a held batch retries (ms). */
const holdBackoff: Backoff = { first: 100, most: 5_000 };

export interface HoldOptions {
  readonly gate: DatabaseGate;
  /** Called whenever a batch begins to wait for its next attempt. */
  readonly onHold?: (batch: readonly Delivery[]) => void;
  /** Whether the database answers: ends the wait for a server that was gone. Without it, each wait has its full time. */
  readonly isDatabaseThere?: IsThere;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Waits until the next attempt, or until the signal is aborted. @param attempt number of failed attempts */
export type Hold = (batch: readonly Delivery[], error: unknown, attempt: number, signal: AbortSignal) => Promise<void>;

export function holdWith({ gate, onHold, isDatabaseThere, clock, random, log }: HoldOptions): Hold {
  return async (batch, error, attempt, signal) => {
    const problem = explainStoreError(error);
    const retryInMs = Math.round(backoffMs(attempt, holdBackoff, random));
    log.error("The database did not accept a batch; holding it", {
      event: "batch.held",
      events: batch.length,
      problem,
      retryInMs,
    });
    gate.close(batch, problem, classifyStoreError(error));
    onHold?.(batch);
    if (isDatabaseThere && isServerGone(error)) {
      const waiting = { ms: retryInMs, wasAway: nothingListens(error), isThere: isDatabaseThere, clock, random };
      await untilReturned(waiting, signal);
    } else await clock.sleep(retryInMs, signal).catch(() => {});
  };
}
