/** Events that wait in the broker before they are tried again: one quorum queue for each delay, which dead-letters them back. */
import type { Clock } from "../../runtime/clock.ts";
import type { Delivery } from "../delivery.ts";
import { areLarge } from "./dead_letters.ts";
import { headersToKeep, propertiesToKeep } from "../origin/origin.ts";
import type { Delay } from "../outcome.ts";
import { type Moved, publishUntilConfirmed, type UntilConfirmedOptions } from "./publish_until_confirmed.ts";
import { delayExchangeOf } from "../topology.ts";

/** How often a message was put on a delay queue since it was published or replayed. */
export const retriesHeader = "retry-attempts";

/** The retries that a delivery has behind it; anything but a count that we could have written reads as none. */
export function retriesOf({ headers }: Pick<Delivery, "headers">): number {
  const count = headers[retriesHeader];
  return typeof count === "number" && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

export interface DelayQueuesOptions extends UntilConfirmedOptions {
  /** EVENTS_QUEUE, which the delay queues lead back to. */
  readonly queue: string;
  readonly clock: Clock;
}

export class DelayQueues {
  constructor(private readonly options: DelayQueuesOptions) {}

  async publish(delivery: Delivery, { ms, attempt }: Delay, signal: AbortSignal): Promise<Moved> {
    const { queue, clock } = this.options;
    const { origin, sentId } = delivery;
    return await publishUntilConfirmed(
      {
        exchange: delayExchangeOf(queue, ms),
        messageId: delivery.messageId,
        body: delivery.body,
        headers: { ...headersToKeep(delivery.headers, origin, sentId), [retriesHeader]: attempt },
        alone: areLarge(delivery.headers),
        properties: origin && propertiesToKeep(origin),
        timestampMs: delivery.timestampMs ?? clock.now(),
        appId: delivery.appId ?? "",
      },
      this.options,
      signal,
    );
  }
}
