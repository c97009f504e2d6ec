import type { Random } from "../../shared/runtime/random.ts";
import type { Rates } from "./rates.ts";

/** The cache that all subscribers share (Redis): the rates, and the lock on fetching them. */
export interface SharedRates {
  /** One step that cannot be interleaved: the cached rates while they are fresh, else the lock if it is free. */
  lookOrLock(token: string, lockTtlMs: number): Promise<Look>;

  /**
   * Stores rates and releases the lock. Refused (`lock-lost`) when the lock is no longer the writer's: a late writer cannot
   * overwrite newer rates. Refused (`older`) when newer rates are cached: then the lock stays the writer's.
   */
  write(token: string, rates: Rates, life: Life): Promise<"written" | "lock-lost" | "older">;

  /**
   * After a call that gave nothing to store: turns the lock, if it is still ours, into a pause of this many ms without calls.
   * That keeps waiting subscribers from calling an API that is down one after the other.
   */
  pause(token: string, ms: number): Promise<void>;

  /** Releases the lock, if it is still ours. */
  release(token: string): Promise<void>;

  /** The state at the moment; changes nothing. */
  inspect(): Promise<Inspection>;
}

export interface Inspection {
  readonly cached: Cached | undefined;
  readonly lock: LockState;
}

export interface LockState {
  readonly state: "free" | "held" | "paused";
  /** The subscriber that fetches, while the lock is held. */
  readonly holder: string | undefined;
  /** Milliseconds until it is free by itself; 0 when it is. */
  readonly ttlMs: number;
}

/** A token that no other try has, and that names the holder. */
export function lockToken(holder: string, random: Random): string {
  return `${holder}${separator}${Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The holder that the token names. */
export function holderOf(token: string): string {
  const end = token.lastIndexOf(separator);
  return end < 0 ? "unknown" : token.slice(0, end);
}

/** Stands in no SUBSCRIBER_ID. */
const separator = "/";

/** How long cached rates live, in ms. */
export interface Life {
  readonly freshMs: number;
  /** After that, while no fresh ones come. */
  readonly staleMs: number;
}

export interface Look {
  /**
   * - `fresh`: fresh rates are cached
   * - `locked`: the lock is the caller's now, for the time it asked for
   * - `held`: another is fetching
   * - `paused`: another's call gave nothing to store a moment ago
   */
  readonly state: "fresh" | "locked" | "held" | "paused";
  /** Present with `fresh`; with the others when rates past their freshness are still usable. */
  readonly cached?: Cached;
}

export interface Cached {
  readonly rates: Rates;
  /** Milliseconds left as fresh; 0 or less when stale. */
  readonly freshMs: number;
  /** Milliseconds left in the cache at all. */
  readonly usableMs: number;
}
