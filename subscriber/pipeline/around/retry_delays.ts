import { retriesOf } from "../../../shared/amqp/delay_queues.ts";
import type { DeadReason } from "../../../shared/amqp/outcome.ts";
import type { Processed } from "../process_batch.ts";

/** What time may cure. The rest of the reasons are the event's own, and stay. */
const curable: DeadReason = "rates-timeout";

/** Events that would be dead-lettered for want of rates are delayed instead, as long as there are delays left for them. */
export function delayRetries(processed: Processed[], delays: readonly number[]): Processed[] {
  if (delays.length === 0) return processed;
  return processed.map((entry) => {
    const { delivery, outcome } = entry;
    if (outcome.kind !== "dead" || outcome.reason !== curable) return entry;
    const retries = retriesOf(delivery);
    const ms = delays[retries];
    return ms === undefined
      ? entry
      : { delivery, outcome: { kind: "delay", ms, attempt: retries + 1, reason: outcome.reason } };
  });
}
