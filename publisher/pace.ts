import type { Clock } from "../shared/runtime/clock.ts";

/** Keeps to a number of events a second, over the whole run; after a pause it does not catch up by more than a second's worth. */
export class Pace {
  #begun: number;
  #sent = 0;

  /** @param perSecond `undefined`: as fast as it goes */
  constructor(private readonly perSecond: number | undefined, private readonly clock: Clock) {
    this.#begun = clock.monotonic();
  }

  /** Resolves when the next event is due; `undefined` when that is now. */
  due(signal: AbortSignal): Promise<void> | undefined {
    if (this.perSecond === undefined) return undefined;
    const now = this.clock.monotonic();
    const dueAt = this.#begun + (this.#sent++ / this.perSecond) * 1000;
    if (dueAt > now) return this.clock.sleep(dueAt - now, signal).catch(() => {});
    if (now - dueAt > 1000) this.#begun += now - dueAt - 1000;
    return undefined;
  }
}
