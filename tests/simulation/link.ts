import type { Clock } from "../../shared/runtime/clock.ts";
import type { Random } from "../../shared/runtime/random.ts";

/** One direction of a connection: what is sent arrives in order, each after a while, unless the connection is cut first. */
export class Link {
  #lastAt = 0;

  /** @param slowestMs longest time on the way */
  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly slowestMs: number,
    private readonly isCut: () => boolean,
  ) {}

  send(arrive: () => void): void {
    const now = this.clock.monotonic();
    this.#lastAt = Math.max(this.#lastAt, now + this.random.int(0, this.slowestMs));
    this.clock.sleep(this.#lastAt - now).then(() => {
      if (!this.isCut()) arrive();
    });
  }
}
