import type { Clock } from "../../shared/runtime/clock.ts";

/** The limit of one address: a burst, and a rate after it. */
export interface Pace {
  readonly burst: number;
  readonly perSecond: number;
}

/** A dashboard sends about two requests a second. */
const ofRequests: Pace = { burst: 200, perSecond: 50 };
const mostAddresses = 1_000;

interface Bucket {
  left: number;
  filledAt: number;
}

/** The sender of a request. */
export interface Caller {
  /** The caller's IP address. */
  readonly address: string;
  /** The local address of the connection. */
  readonly local: string;
  /** Whether the answer goes to the caller by TLS. */
  readonly secure: boolean;
}

/** A token bucket for each address. */
export class RequestLimit {
  readonly #buckets = new Map<string, Bucket>();

  constructor(private readonly clock: Clock, private readonly pace: Pace = ofRequests) {}

  /** Counts a request. @returns whether it is within the limit */
  take(address: string): boolean {
    const { burst, perSecond } = this.pace;
    const now = this.clock.monotonic();
    const bucket = this.#buckets.get(address) ?? { left: burst, filledAt: now };
    bucket.left = Math.min(burst, bucket.left + (now - bucket.filledAt) / 1000 * perSecond);
    bucket.filledAt = now;
    // Moves the address to the end: the least recently used address is removed first.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > mostAddresses) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}
