import { requeue } from "../../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { isStored, type Wrapper } from "../entry.ts";
import type { Report } from "../report.ts";
import { inLastMoment } from "./last_moment.ts";

/**
 * Tells the world what is stored: after the commit and before the acks, so that no event goes unreported; and around all that
 * is tried again, so that nothing is reported twice for that.
 */
export function reported(report: Report, clock: Clock): Wrapper {
  return (process) => async (deliveries, signal) => {
    const processed = await process(deliveries, signal);
    const stored = processed.filter(isStored);
    if (stored.length === 0) return processed;
    const told = report(stored.map(({ facts }) => facts)).then(() => true);
    if (!await inLastMoment(told, signal, clock)) {
      // Nobody listens and the time is over. What is stored and not told is told when it comes again.
      for (const entry of stored) entry.outcome = requeue;
    }
    return processed;
  };
}
