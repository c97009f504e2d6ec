/** Estimates when the queue will be empty, from its growth and from how fast events are stored. */
import type { CatchUp } from "../dashboard/answers.ts";
import type { Clock } from "../../shared/runtime/clock.ts";

const [windowMs, leastMs, apartMs] = [60_000, 10_000, 1_000];

/** How fast the queue grows, over the last minute. */
export class QueueGrowth {
  /** Oldest first. */
  readonly #seen: { readonly at: number; readonly ready: number }[] = [];

  constructor(private readonly clock: Pick<Clock, "monotonic">) {}

  /** @param ready events in the queue; `null` when not known */
  add(ready: number | null): void {
    const at = this.clock.monotonic();
    const last = this.#seen.at(-1);
    if (ready === null || last && at - last.at < apartMs) return;
    this.#seen.push({ at, ready });
    while (at - this.#seen[0]!.at > windowMs) this.#seen.shift();
  }

  /** Events a second, negative when the queue shrinks; `undefined` until it has been observed for 10 s. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    if (!first || !last || last.at - first.at < leastMs) return undefined;
    return (last.ready - first.ready) / ((last.at - first.at) / 1_000);
  }
}

export interface Pace {
  readonly ready: number | null;
  /** Events stored a second. */
  readonly outPerSecond: number | undefined;
  readonly growthPerSecond: number | undefined;
}

export function catchUpOf({ ready, outPerSecond: out, growthPerSecond: growth }: Pace): CatchUp {
  const into = out === undefined || growth === undefined ? null : Math.round(Math.max(0, out + growth));
  const pace = { in_per_second: into, out_per_second: out === undefined ? null : Math.round(out) };
  if (ready === null) return { state: "unknown", seconds: null, ...pace };
  if (ready === 0) return { state: "none", seconds: 0, ...pace };
  // A queue that holds no more than a second stores keeps up, even if it is longer than a minute ago.
  if (out !== undefined && ready <= out) return { state: "keeping-up", seconds: Math.ceil(ready / out), ...pace };
  if (growth === undefined) return { state: "unknown", seconds: null, ...pace };
  if (growth >= 0) return { state: "never", seconds: null, ...pace };
  return { state: "catching-up", seconds: Math.ceil(ready / -growth), ...pace };
}
