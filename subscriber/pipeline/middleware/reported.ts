import { requeue } from "../../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Report } from "../edges.ts";
import { isNew, isStored, type Middleware, type Stored } from "../entry.ts";
import { inLastMoment } from "./last_moment.ts";

/**
 * Reports the stored events after the commit and before the acks: no event goes unreported. It stands around the retries: no
 * event is reported twice because of one. What was stored before is reported all the same, for the subscriber that stored it may
 * have died before its report; but events that come twice at once are reported once.
 */
export function reported(report: Report, clock: Clock): Middleware {
  return (process) => async (deliveries, signal) => {
    const processed = await process(deliveries, signal);
    const stored = processed.filter(isStored);
    if (stored.length === 0) return processed;
    const told = !stored.every(isNew) ? eachOnce(stored) : stored;
    const written = report(told.map(({ facts }) => facts)).then(() => true);
    if (!await inLastMoment(written, signal, clock)) {
      // Nobody reads and the time is over. The events are reported when they are delivered again.
      for (const entry of stored) entry.outcome = requeue;
    }
    return processed;
  };
}

function eachOnce(stored: readonly Stored[]): Stored[] {
  return [...new Map(stored.map((entry) => [entry.facts.messageId, entry])).values()];
}
