import { classifyStoreError } from "../../../shared/runtime/errors.ts";
import { isStored, isWaiting, type Middleware, requeued } from "../entry.ts";
import type { DatabaseGate } from "../database_gate.ts";
import { isLost } from "../refused.ts";
import type { Hold } from "./hold.ts";

/**
 * Holds the batch while the database is away: its events are good, and no other batch could be stored either. Each attempt
 * runs the whole process, so that neither rates nor players are older than the attempt. Rethrows what was refused, and what is
 * doubtful: it may be the fault of one event. A batch that the broker delivers again is let go once others are taken; until then only
 * its attempts find out when the database is back.
 */
export function held(hold: Hold, gate: DatabaseGate): Middleware {
  return (process) => async (batch, signal) => {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const processed = await process(batch, signal);
        // A batch of which nothing is stored may not have asked the database.
        if (processed.some(isStored)) gate.open();
        // What waits for rates comes again, and has not been taken any more than before.
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
