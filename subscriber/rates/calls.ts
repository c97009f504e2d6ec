import { messageOf } from "../../shared/runtime/errors.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import type { RatesApi } from "./client.ts";
import type { Rates } from "./rates.ts";

/** Maximum number of unusable entries that the log names for one answer. */
const mostLeftOutTold = 10;

export interface CallCounts {
  /** Calls to the rates API, and calls without usable rates. */
  calls: number;
  failedCalls: number;
  /** Unusable entries of the last answer, which were left out. */
  leftOut: number;
}

/** Counts and logs this process's calls to the rates API. */
export class RatesCalls {
  /** Why the last call failed; `undefined` when it succeeded, or another subscriber has fetched rates since. */
  failure: string | undefined;
  #leftOutTold = "";

  constructor(private readonly api: RatesApi, private readonly counts: CallCounts, private readonly log: Log) {}

  /** Fetches rates. @returns `undefined` when the call failed; {@linkcode failure} says why */
  async fetch(signal: AbortSignal): Promise<Rates | undefined> {
    this.counts.calls++;
    try {
      const rates = await this.api.fetch(signal);
      this.failure = undefined;
      this.#tellWhatIsLeftOut(rates);
      this.log.info("Fetched rates", {
        event: "rates.fetched",
        asOf: new Date(rates.asOfMs).toISOString(),
        currencies: rates.perEur.size,
      });
      return rates;
    } catch (error) {
      this.counts.failedCalls++;
      this.failure = messageOf(error);
      if (!signal.aborted) {
        this.log.warn("The rates API gave no rates", { event: "rates.failed", problem: this.failure });
      }
      return undefined;
    }
  }

  /** Warns once about the same unusable entries: every answer repeats them. */
  #tellWhatIsLeftOut({ leftOut = [] }: Rates): void {
    this.counts.leftOut = leftOut.length;
    const problem = leftOut.slice(0, mostLeftOutTold).join("; ");
    if (problem === this.#leftOutTold) return;
    this.#leftOutTold = problem;
    if (problem === "") return;
    this.log.warn("The rates API gave rates that cannot be used; they are left out", {
      event: "rates.left_out",
      rates: leftOut.length,
      problem,
    });
  }
}
