import type { Clock } from "../../shared/runtime/clock.ts";

/** For one address: so many at once, and so many a second after that. A page asks about twice a second. */
const burst = 200;
const perSecond = 50;
const mostAddresses = 1_000;

interface Bucket {
  left: number;
  filledAt: number;
}

/** The other end of a request. */
export interface Caller {
  /** Its IP address. */
  readonly address: string;
}

/** A token bucket for each address. */
export class RequestLimit {
  readonly #buckets = new Map<string, Bucket>();

  constructor(private readonly clock: Clock) {}

  /** @returns whether one more request is taken now */
  take(address: string): boolean {
    const now = this.clock.monotonic();
    const bucket = this.#buckets.get(address) ?? { left: burst, filledAt: now };
    bucket.left = Math.min(burst, bucket.left + (now - bucket.filledAt) / 1000 * perSecond);
    bucket.filledAt = now;
    // The address that asked least recently is forgotten first.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > mostAddresses) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}
