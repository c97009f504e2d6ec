import { requeue } from "../../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Report } from "../edges.ts";
import { isNew, isStored, type Middleware, type Stored } from "../entry.ts";
import { inLastMoment } from "./last_moment.ts";

/**
 * Reports the stored events after the commit and before the acks, so that no event stays unreported. Wraps the retries,
 * so that a retry reports no event twice. Also reports duplicates: the subscriber that stored the event may have died
 * before its report. An event that occurs twice in a batch is reported once.
 */
export function reported(report: Report, clock: Clock): Middleware {
  return (process) => async (deliveries, signal) => {
    const processed = await process(deliveries, signal);
    const stored = processed.filter(isStored);
    if (stored.length === 0) return processed;
    const told = !stored.every(isNew) ? eachOnce(stored) : stored;
    const written = report(told.map(({ facts }) => facts)).then(() => true);
    if (!await inLastMoment(written, signal, clock)) {
      // The reader of stdout is too slow and the grace period is over. A redelivery reports the events.
      for (const entry of stored) entry.outcome = requeue;
    }
    return processed;
  };
}

function eachOnce(stored: readonly Stored[]): Stored[] {
  return [...new Map(stored.map((entry) => [entry.facts.messageId, entry])).values()];
}
