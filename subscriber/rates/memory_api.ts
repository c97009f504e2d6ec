/** {@linkcode RatesApi} in this process, following a script: for unit tests and simulation. */
import type { Clock } from "../../shared/runtime/clock.ts";
import { type RatesApi, RatesUnavailable } from "./client.ts";
import type { Rates } from "./rates.ts";

/** What happens in one call. */
export interface Turn {
  /** How long it takes, in ms. */
  readonly delayMs?: number;
  /** Rates, or why there are none; `silence` ends only with the signal. */
  readonly answer: Rates | Error | "silence";
}

export class MemoryRatesApi implements RatesApi {
  /** Calls made, and those of them that are still under way. */
  calls = 0;
  inFlight = 0;
  #script: readonly Turn[];

  /** @param script one turn for each call; the last one stays for all that follow */
  constructor(private readonly clock: Clock, ...script: readonly [Turn, ...Turn[]]) {
    this.#script = script;
  }

  /** Begins another script. */
  follow(...script: readonly [Turn, ...Turn[]]): void {
    this.#script = script;
  }

  async fetch(signal: AbortSignal): Promise<Rates> {
    const [{ delayMs = 0, answer }, ...rest] = this.#script as [Turn, ...Turn[]];
    if (rest.length > 0) this.#script = rest;
    this.calls++;
    this.inFlight++;
    try {
      if (delayMs > 0) await this.clock.sleep(delayMs, signal);
      if (answer === "silence") await untilAborted(signal);
      signal.throwIfAborted();
    } catch {
      throw new RatesUnavailable("abandoned", "the scripted rates API was not waited for");
    } finally {
      this.inFlight--;
    }
    if (answer instanceof Error || answer === "silence") throw answer;
    return answer;
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
