/** Since when the headline is in its state, by this subscriber's clock and not by the browser's. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { StandingAnswer } from "../dashboard/answers.ts";

export class Standing {
  #state: StandingAnswer["state"] | undefined;
  #since = "";
  #changes = 0;

  constructor(private readonly clock: Pick<Clock, "now">) {}

  enter(state: StandingAnswer["state"]): StandingAnswer {
    if (state !== this.#state) {
      this.#state = state;
      this.#since = new Date(this.clock.now()).toISOString();
      this.#changes++;
    }
    return { state, since: this.#since, at_least: this.#changes === 1 };
  }
}
