/** How fast a replay goes: 1, 10, 100, … letters a second, each for a while, up to the job's rate. */
import type { Clock } from "../../../shared/runtime/clock.ts";

const stageMs = 3_000;

export class Ramp {
  #stage = 1;
  #until: number;

  constructor(private readonly clock: Pick<Clock, "monotonic">) {
    this.#until = clock.monotonic() + stageMs;
  }

  /**
   * @param rate letters a second at most
   * @returns letters in this second
   *
   * @example
   * ```ts
   * import { deepStrictEqual } from "node:assert/strict";
   *
   * let now = 0;
   * const ramp = new Ramp({ monotonic: () => now });
   * const speeds = [0, 2_999, 3_000, 6_000, 9_000].map((ms) => (now = ms, ramp.perSecond(500)));
   * deepStrictEqual(speeds, [1, 1, 10, 100, 500]);
   * ```
   */
  perSecond(rate: number): number {
    if (this.#stage < rate && this.clock.monotonic() >= this.#until) {
      this.#stage *= 10;
      this.#until = this.clock.monotonic() + stageMs;
    }
    return Math.min(this.#stage, rate);
  }
}
