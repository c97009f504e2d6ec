import type { Clock } from "../../runtime/clock.ts";
import { deadline } from "../../runtime/deadline.ts";
import { DeadLetterTimeout } from "./admin.ts";

/**
 * One after the other: a letter that one has in hand is invisible to the others. Who waits in vain gives up, and who takes
 * too long is not waited for.
 */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** @param ms longest wait for a turn, and longest turn */
  constructor(private readonly clock: Clock, private readonly ms: number) {}

  /**
   * @param waiting ends the wait for the turn
   * @param closed ends the turn, too
   * @throws {DeadLetterTimeout}, or the reason of a signal
   */
  async take<T>(act: () => Promise<T>, { waiting, closed }: Record<"waiting" | "closed", AbortSignal>): Promise<T> {
    const { clock, ms } = this;
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = Promise.all([before, turn.promise]);
    try {
      await deadline(before, {
        ...{ ms, clock, signal: AbortSignal.any([waiting, closed]) },
        exceeded: () =>
          new DeadLetterTimeout(`Another operation on the dead letters has gone on for ${ms} ms: try again later.`),
      });
      return await deadline(act(), {
        ...{ ms, clock, signal: closed },
        exceeded: () => new DeadLetterTimeout(`The dead letter queue did not answer within ${ms} ms: try again later.`),
      });
    } finally {
      turn.resolve();
    }
  }
}
