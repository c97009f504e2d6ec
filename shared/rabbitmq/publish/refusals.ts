import type { Wire } from "./wire.ts";

const [leastMs, mostMs] = [5_000, 60_000];

/** The channel that last refused a message, and since when, in monotonic ms. */
export interface Refused {
  readonly by: Wire;
  readonly since: number;
}

/**
 * Tells when a message that a channel keeps refusing needs a new channel. A channel of RabbitMQ 3.10 that first used a
 * quorum queue while its leader's node could not be reached refuses all for that queue, also under the next leader. The
 * time until then doubles with each new channel, because the queue may be full, until none was needed for a while.
 */
export class Refusals {
  #untilReplacedMs = leastMs;
  #replacedAt = 0;

  /** @returns whether a new channel must replace the one that has refused the message again */
  needNewChannel({ since }: Refused, now: number): boolean {
    if (now - this.#replacedAt > 2 * mostMs) this.#untilReplacedMs = leastMs;
    if (now - since < this.#untilReplacedMs) return false;
    this.#untilReplacedMs = Math.min(2 * this.#untilReplacedMs, mostMs);
    this.#replacedAt = now;
    return true;
  }
}
