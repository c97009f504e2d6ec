/** Watches the rates cache and its lock from outside, with a record of its own of holder, pause and rates. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Rates } from "../../subscriber/rates/rates.ts";
import type { Life, Look, SharedRates } from "../../subscriber/rates/shared_rates.ts";

type Written = Awaited<ReturnType<SharedRates["write"]>>;

export class LockWatch {
  /** The lock's holder until it releases the lock or the lock expires. */
  #holder: { token: string; until: number } | undefined;
  #pausedUntil = -Infinity;
  #cached: { asOfMs: number; freshUntil: number; usableUntil: number } | undefined;

  constructor(private readonly clock: Clock, private readonly violated: (what: string) => void) {}

  /** The server forgot everything, the lock included. */
  flushed(): void {
    this.#holder = undefined;
    this.#pausedUntil = -Infinity;
    this.#cached = undefined;
  }

  around(shared: SharedRates): SharedRates {
    return {
      lookOrLock: async (token, ttl) => this.#looked(token, ttl, await shared.lookOrLock(token, ttl)),
      write: async (token, rates, life) => this.#wrote(token, rates, life, await shared.write(token, rates, life)),
      pause: async (token, ms) => {
        await shared.pause(token, ms);
        if (this.#isHolder(token)) {
          this.#holder = undefined;
          this.#pausedUntil = this.clock.monotonic() + ms;
        }
      },
      inspect: () => shared.inspect(),
      release: async (token) => {
        await shared.release(token);
        if (this.#isHolder(token)) this.#holder = undefined;
      },
    };
  }

  #looked(token: string, ttlMs: number, look: Look): Look {
    const now = this.clock.monotonic();
    const fresh = this.#cached !== undefined && now < this.#cached.freshUntil;
    if (look.state === "locked") {
      if (this.#liveHolder(now)) this.violated("the lock was given to a second holder while the first one had it");
      if (fresh) this.violated("the lock was given out though fresh rates are there");
      if (now < this.#pausedUntil) this.violated("the lock was given out in the pause after a failed call");
      this.#holder = { token, until: now + ttlMs };
    } else if (look.state === "fresh" && !fresh) {
      this.violated("rates were given for fresh that are not");
    }
    return look;
  }

  #wrote(token: string, { asOfMs }: Rates, { freshMs, staleMs }: Life, written: Written): Written {
    const now = this.clock.monotonic();
    const holds = this.#isHolder(token);
    if (holds) this.#holder = undefined;
    if (written !== "written") return written;
    if (!holds) this.violated("rates were written by one who had lost the lock");
    if (this.#cached && now < this.#cached.usableUntil && asOfMs < this.#cached.asOfMs) {
      this.violated("newer rates were replaced by older ones");
    }
    this.#cached = { asOfMs, freshUntil: now + freshMs, usableUntil: now + freshMs + staleMs };
    return written;
  }

  #isHolder(token: string): boolean {
    return this.#liveHolder(this.clock.monotonic())?.token === token;
  }

  #liveHolder(now: number): { token: string } | undefined {
    return this.#holder && now < this.#holder.until ? this.#holder : undefined;
  }
}
