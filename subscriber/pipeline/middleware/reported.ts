import { requeue } from "../../../shared/rabbitmq/outcome.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import type { Report } from "../edges.ts";
import { isStored, type Middleware } from "../entry.ts";
import { inLastMoment } from "./last_moment.ts";

/**
 * Reports the stored events after the commit and before the acks: no event goes unreported. It stands around the retries: no
 * event is reported twice because of one.
 */
export function reported(report: Report, clock: Clock): Middleware {
  return (process) => async (deliveries, signal) => {
    const processed = await process(deliveries, signal);
    const stored = processed.filter(isStored);
    if (stored.length === 0) return processed;
    const written = report(stored.map(({ facts }) => facts)).then(() => true);
    if (!await inLastMoment(written, signal, clock)) {
      // Nobody reads and the time is over. The events are reported when they are delivered again.
      for (const entry of stored) entry.outcome = requeue;
    }
    return processed;
  };
}
