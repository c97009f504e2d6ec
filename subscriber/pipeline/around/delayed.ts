import { retriesOf } from "../../../shared/rabbitmq/delay_queues.ts";
import type { DeadReason } from "../../../shared/rabbitmq/outcome.ts";
import { isWaiting, type Settled, type Wrapper } from "../entry.ts";

/** What time may cure. The rest of the reasons are the event's own, and stay. */
const curable: DeadReason = "rates-timeout";

/**
 * Events that would be dead-lettered for want of rates are delayed instead, as long as there are delays left for them.
 * @param delays RETRY_DELAYS_MS
 */
export function delayed(delays: readonly number[]): Wrapper {
  if (delays.length === 0) return (process) => process;
  return (process) => async (deliveries, signal) => {
    const processed = await process(deliveries, signal);
    for (const entry of processed) if (!isWaiting(entry)) delayIfCurable(entry, delays);
    return processed;
  };
}

function delayIfCurable(entry: Settled, delays: readonly number[]): void {
  const { delivery, outcome } = entry;
  if (outcome.kind !== "dead" || outcome.reason !== curable) return;
  const retries = retriesOf(delivery);
  const ms = delays[retries];
  if (ms !== undefined) entry.outcome = { kind: "delay", ms, attempt: retries + 1, reason: outcome.reason };
}
