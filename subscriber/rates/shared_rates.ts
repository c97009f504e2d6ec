import type { Random } from "../../shared/runtime/random.ts";
import type { Rates } from "./rates.ts";

/** The cache that all subscribers share (Redis): the rates, and a lock for fetching them. */
export interface SharedRates {
  /** Returns the cached rates while they are fresh; otherwise takes the lock if it is free. Atomic. */
  lookOrLock(token: string, lockTtlMs: number): Promise<Look>;

  /**
   * Stores rates and releases the lock.
   * @returns `lock-lost` when the writer no longer holds the lock: a late writer cannot overwrite newer rates. `older`
   * when newer rates are cached: the writer keeps the lock.
   */
  write(token: string, rates: Rates, life: Life): Promise<"written" | "lock-lost" | "older">;

  /**
   * Turns the caller's lock into a pause of `ms` without calls, after a call that gave nothing to store. Otherwise all
   * waiting subscribers would call an API that is down, one after the other.
   */
  pause(token: string, ms: number): Promise<void>;

  /** Releases the lock if the caller still holds it. */
  release(token: string): Promise<void>;

  /** Returns the current state. Changes nothing. */
  inspect(): Promise<Inspection>;
}

export interface Inspection {
  readonly cached: Cached | undefined;
  readonly lock: LockState;
}

export interface LockState {
  readonly state: "free" | "held" | "paused";
  /** The subscriber that fetches rates, while the lock is held. */
  readonly holder: string | undefined;
  /** Milliseconds until the lock expires; 0 when it is free. */
  readonly ttlMs: number;
}

/** Returns a unique token that names the holder. */
export function lockToken(holder: string, random: Random): string {
  return `${holder}${separator}${Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Returns the holder that the token names. */
export function holderOf(token: string): string {
  const end = token.lastIndexOf(separator);
  return end < 0 ? "unknown" : token.slice(0, end);
}

/** No SUBSCRIBER_ID contains it. */
const separator = "/";

/** How long cached rates live, in ms. */
export interface Life {
  readonly freshMs: number;
  /** How long the rates stay usable after that, until fresh rates come. */
  readonly staleMs: number;
}

export interface Look {
  /**
   * - `fresh`: fresh rates are cached
   * - `locked`: the caller now holds the lock, for `lockTtlMs`
   * - `held`: another subscriber is fetching
   * - `paused`: a subscriber's last call gave nothing to store
   */
  readonly state: "fresh" | "locked" | "held" | "paused";
  /** Given with `fresh`. With the other states, given when stale rates are still usable. */
  readonly cached?: Cached;
}

export interface Cached {
  readonly rates: Rates;
  /** Milliseconds until the rates are stale; 0 or less when they are. */
  readonly freshMs: number;
  /** Milliseconds until the rates expire. */
  readonly usableMs: number;
}
