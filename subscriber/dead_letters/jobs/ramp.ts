/** The rate of a replay: stages of 1, 10, 100, … letters per second, up to the job's rate. */
import type { Clock } from "../../../shared/runtime/clock.ts";

const stageMs = 3_000;
/** Longest stage: a letter may die late, for example after a wait for rates. */
const mostStageMs = 30_000;

export class Ramp {
  #stage = 1;
  #since: number;

  constructor(private readonly clock: Pick<Clock, "monotonic">) {
    this.#since = clock.monotonic();
  }

  /**
   * @param rate maximum number of letters per second
   * @param known whether the outcome of most letters so far is known; otherwise a stage lasts longer
   * @returns the number of letters for this second
   *
   * @example
   * ```ts
   * import { deepStrictEqual } from "node:assert/strict";
   *
   * let now = 0;
   * const ramp = new Ramp({ monotonic: () => now });
   * const speeds = [0, 2_999, 3_000, 6_000, 9_000].map((ms) => (now = ms, ramp.perSecond(500, true)));
   * deepStrictEqual(speeds, [1, 1, 10, 100, 500]);
   * const slow = new Ramp({ monotonic: () => now });
   * deepStrictEqual([12_000, 39_000].map((ms) => (now = ms, slow.perSecond(500, false))), [1, 10]);
   * ```
   */
  perSecond(rate: number, known: boolean): number {
    const now = this.clock.monotonic();
    if (this.#stage < rate && now - this.#since >= (known ? stageMs : mostStageMs)) {
      this.#stage *= 10;
      this.#since = now;
    }
    return Math.min(this.#stage, rate);
  }
}
