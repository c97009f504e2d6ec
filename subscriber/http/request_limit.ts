import type { Clock } from "../../shared/runtime/clock.ts";

/** For one address: so many at once, and so many a second after that. */
export interface Pace {
  readonly burst: number;
  readonly perSecond: number;
}

/** A page asks about twice a second. */
const ofRequests: Pace = { burst: 200, perSecond: 50 };
const mostAddresses = 1_000;

interface Bucket {
  left: number;
  filledAt: number;
}

/** The other end of a request. */
export interface Caller {
  /** Its IP address. */
  readonly address: string;
  /** The address of ours that it has connected to. */
  readonly local: string;
  /** Whether all that it is told goes by TLS. */
  readonly secure: boolean;
}

/** A token bucket for each address. */
export class RequestLimit {
  readonly #buckets = new Map<string, Bucket>();

  constructor(private readonly clock: Clock, private readonly pace: Pace = ofRequests) {}

  /** @returns whether one more request is taken now */
  take(address: string): boolean {
    const { burst, perSecond } = this.pace;
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
