/** How fast the figures change between two looks at the system. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { catchUpOf, QueueGrowth } from "../../subscriber/metrics/catch_up.ts";
import type { CatchUp } from "../../subscriber/dashboard/answers.ts";

export interface SinceLast {
  readonly seconds: number;
  readonly stored_per_second: number | null;
  /** Below 0 when the queue shrinks. */
  readonly queue_per_second: number | null;
}

/** Unknown values are `undefined`. */
export interface Look {
  readonly stored: number | undefined;
  readonly ready: number | undefined;
  readonly storedPerSecond: number | undefined;
  /** From the history, which is the only source for the first looks. */
  readonly growthPerSecond: number | undefined;
}

type TimedLook = Look & { readonly at: number };

export class Progress {
  readonly #growth: QueueGrowth;
  #last: TimedLook | undefined;

  constructor(private readonly clock: Pick<Clock, "monotonic">) {
    this.#growth = new QueueGrowth(clock);
  }

  /** @returns `since_last` is `null` with the first look */
  look(look: Look): { readonly catch_up: CatchUp; readonly since_last: SinceLast | null } {
    const ready = look.ready ?? null;
    this.#growth.add(ready);
    const now = { ...look, at: this.clock.monotonic() };
    const since = this.#last && sinceOf(this.#last, now);
    this.#last = now;
    return {
      catch_up: catchUpOf({
        ready,
        outPerSecond: look.storedPerSecond,
        growthPerSecond: this.#growth.perSecond ?? look.growthPerSecond,
      }),
      since_last: since ?? null,
    };
  }
}

function sinceOf(last: TimedLook, now: TimedLook): SinceLast | undefined {
  const seconds = (now.at - last.at) / 1_000;
  if (seconds <= 0) return undefined;
  const perSecond = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? null : Math.round((to - from) / seconds * 10) / 10;
  return {
    seconds: Math.round(seconds * 10) / 10,
    stored_per_second: perSecond(last.stored, now.stored),
    queue_per_second: perSecond(last.ready, now.ready),
  };
}
