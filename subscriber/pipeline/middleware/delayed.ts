import { retriesOf } from "../../../shared/rabbitmq/publish/delay_queues.ts";
import type { DeadReason } from "../../../shared/rabbitmq/outcome.ts";
import { isWaiting, type Middleware, type Settled } from "../entry.ts";

/** The reason that passes with time. All others are the event's own. */
const curable: DeadReason = "rates-timeout";

/**
 * Moves an event that timed out waiting for rates to a delay queue, as long as it has delays left, and dead-letters it then.
 * @param delays RETRY_DELAYS_MS
 */
export function delayed(delays: readonly number[]): Middleware {
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
