import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import { type Backoff, backoffMs, type Clock } from "../../../shared/runtime/clock.ts";
import { classifyStoreError, explainStoreError } from "../../../shared/runtime/errors.ts";
import type { Random } from "../../../shared/runtime/random.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import type { DatabaseGate } from "../database_gate.ts";
import { isStored, isWaiting, type Middleware, requeued } from "../entry.ts";

/** How long a batch is held before it is processed again. */
const holdBackoff: Backoff = { first: 100, most: 5_000 };

export interface HeldOptions {
  readonly gate: DatabaseGate;
  /** Called each time that a batch begins to wait for its next attempt. */
  readonly onHold?: (batch: readonly Delivery[]) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Holds the batch while the database is away: its events are good, and no other batch could be stored either. Each attempt
 * runs the whole process, so that neither rates nor players are older than the attempt. Rethrows an error that a row caused.
 */
export function held({ gate, onHold, clock, random, log }: HeldOptions): Middleware {
  return (process) => async (batch, signal) => {
    let leaving = batch;
    try {
      for (let attempt = 1; !signal.aborted; attempt++) {
        try {
          const processed = await process(batch, signal);
          // A batch of which nothing is stored may not have asked the database.
          if (processed.some(isStored)) gate.open();
          // What waits for rates comes again, and has not been taken any more than before.
          else if (!gate.isOpen) {
            leaving = processed.filter((entry) => !isWaiting(entry)).map(({ delivery }) => delivery);
          }
          return processed;
        } catch (error) {
          if (classifyStoreError(error) === "split") throw error;
          const problem = explainStoreError(error);
          const retryInMs = Math.round(backoffMs(attempt, holdBackoff, random));
          log.error("The database did not take a batch; holding it", {
            event: "batch.held",
            events: batch.length,
            problem,
            retryInMs,
          });
          gate.close(batch, problem);
          onHold?.(batch);
          await clock.sleep(retryInMs, signal).catch(() => {});
        }
      }
      return batch.map(requeued);
    } finally {
      gate.leave(leaving);
    }
  };
}
