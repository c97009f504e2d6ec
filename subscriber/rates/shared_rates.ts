import type { Random } from "../../shared/runtime/random.ts";
import type { Rates } from "./rates.ts";

/** What all subscribers share (Redis): the cached rates and the lock on fetching them. */
export interface SharedRates {
  /** One step that cannot be interleaved: the cached rates while they are fresh, else the lock if it is free. */
  lookOrLock(token: string, lockTtlMs: number): Promise<Look>;

  /**
   * Stores rates and gives the lock back. Refused (`lock-lost`) when the lock is no longer the writer's, so that one who
   * was late cannot overwrite what came after; and (`older`) when newer rates are there: the lock stays the writer's.
   */
  write(token: string, rates: Rates, life: Life): Promise<"written" | "lock-lost" | "older">;

  /**
   * After a call that gave nothing to store: turns the lock, if it is still ours, into a pause of this many ms, in which nobody calls.
   * That keeps many waiting subscribers from calling an API that is down, one after the other.
   */
  pause(token: string, ms: number): Promise<void>;

  /** Gives the lock back, if it is still ours. */
  release(token: string): Promise<void>;

  /** What is there at the moment, for who watches: changes nothing. */
  inspect(): Promise<Inspection>;
}

export interface Inspection {
  readonly cached: Cached | undefined;
  readonly lock: LockState;
}

export interface LockState {
  readonly state: "free" | "held" | "paused";
  /** Who fetches at the moment, when it is held. */
  readonly holder: string | undefined;
  /** Milliseconds until it is free by itself; 0 when it is. */
  readonly ttlMs: number;
}

/** What the lock is taken by: nobody else's, and tells who it is. */
export function lockToken(holder: string, random: Random): string {
  return `${holder}${separator}${Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Who took the lock by this token. */
export function holderOf(token: string): string {
  const end = token.lastIndexOf(separator);
  return end < 0 ? "unknown" : token.slice(0, end);
}

/** Stands in no SUBSCRIBER_ID. */
const separator = "/";

/** How long cached rates live, in ms. */
export interface Life {
  readonly freshMs: number;
  /** On top of that, for when no fresh ones come. */
  readonly staleMs: number;
}

export interface Look {
  /**
   * - `fresh`: rates are there; nobody needs to call
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
