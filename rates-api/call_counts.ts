/** How a call of GetRates ended, as `GetStatsResponse` of mock_control.proto describes it. */
export type Ending = "answered" | "failed" | "answeredWrongly" | "givenUp" | "unauthenticated" | "invalid";

export type Counts = Readonly<Record<"calls" | "inFlight" | Ending, number>>;

/** Counts each call once: in flight, then under how it ended. */
export class CallCounts {
  #inFlight = 0;
  #ended = noneEnded();

  begin(): void {
    this.#inFlight++;
  }

  end(ending: Ending): void {
    this.#inFlight--;
    this.#ended[ending]++;
  }

  /** Forgets the calls that ended. */
  reset(): void {
    this.#ended = noneEnded();
  }

  get counts(): Counts {
    const ended = Object.values(this.#ended).reduce((sum, count) => sum + count, 0);
    return { calls: this.#inFlight + ended, inFlight: this.#inFlight, ...this.#ended };
  }
}

function noneEnded(): Record<Ending, number> {
  return { answered: 0, failed: 0, answeredWrongly: 0, givenUp: 0, unauthenticated: 0, invalid: 0 };
}
