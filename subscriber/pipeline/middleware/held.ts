import { classifyStoreError } from "../../../shared/runtime/errors.ts";
import { isStored, isWaiting, type Middleware, requeued } from "../entry.ts";
import type { DatabaseGate } from "../database_gate.ts";
import { isLost } from "../refused.ts";
import type { Hold } from "./hold.ts";

/**
 * Holds and retries the batch while the database is away: no other batch could be stored either. Each attempt runs the
 * whole process, so that rates and players are never older than the attempt. Rethrows `refused` and `doubtful` errors:
 * one event may be their cause.
 *
 * Requeues a batch whose channel is lost once the consumer may take deliveries: the broker then redelivers it. Until
 * then only the batch's own retries find out when the database is back.
 */
export function held(hold: Hold, gate: DatabaseGate): Middleware {
  return (process) => async (batch, signal) => {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const processed = await process(batch, signal);
        // A batch that stored nothing may not have queried the database.
        if (processed.some(isStored)) gate.open();
        // Deliveries that wait for rates come back. The database has not taken them yet, so their problem still counts.
        if (!gate.isOpen) {
          gate.leave(processed.filter((entry) => !isWaiting(entry)).map(({ delivery }) => delivery));
        }
        return processed;
      } catch (error) {
        if (classifyStoreError(error) !== "away") throw error;
        await hold(batch, error, attempt, signal);
        if (isLost({ deliveries: batch }) && gate.mayTake) break;
      }
    }
    gate.leave(batch);
    return batch.map(requeued);
  };
}
