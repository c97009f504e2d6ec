import type { Clock } from "../../runtime/clock.ts";
import { within } from "../../runtime/within.ts";
import { DeskTimeout } from "./desk.ts";

/**
 * One after the other: a letter that one has in hand is invisible to the others. Who waits in vain gives up, and who takes
 * too long is not waited for.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** @param ms longest wait for a turn, and longest turn */
  constructor(private readonly clock: Clock, private readonly ms: number) {}

  /**
   * @param waiting ends the wait for the turn
   * @param closed ends the turn, too
   * @throws {DeskTimeout}, or the reason of a signal
   */
  async take<T>(act: () => Promise<T>, { waiting, closed }: Record<"waiting" | "closed", AbortSignal>): Promise<T> {
    const { clock, ms } = this;
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = Promise.all([before, turn.promise]);
    try {
      await within(before, {
        ...{ ms, clock, signal: AbortSignal.any([waiting, closed]) },
        late: () => new DeskTimeout(`Another operation on the dead letters has gone on for ${ms} ms: try again later.`),
      });
      return await within(act(), {
        ...{ ms, clock, signal: closed },
        late: () => new DeskTimeout(`The dead letter queue did not answer within ${ms} ms: try again later.`),
      });
    } finally {
      turn.resolve();
    }
  }
}
