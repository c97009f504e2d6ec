import type { Clock } from "../../shared/runtime/clock.ts";

/** Only the newest are kept. */
const most = 4_096;
const overMs = 10_000;

export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  /** How many events were measured. */
  readonly events: number;
}

/** Times from publication to commit, over the last 10 s. */
export class Latencies {
  readonly #ms = new Float64Array(most);
  readonly #at = new Float64Array(most).fill(-Infinity);
  #next = 0;

  constructor(private readonly clock: Clock) {}

  add(ms: number): void {
    this.#ms[this.#next] = ms;
    this.#at[this.#next] = this.clock.monotonic();
    this.#next = (this.#next + 1) % most;
  }

  /** Returns `undefined` when no latency was measured. */
  summary(): LatencySummary | undefined {
    const since = this.clock.monotonic() - overMs;
    const recent = this.#ms.filter((_, i) => this.#at[i]! >= since).sort();
    if (recent.length === 0) return undefined;
    const quantile = (share: number) => recent[Math.min(recent.length - 1, Math.floor(share * recent.length))]!;
    return { p50: quantile(0.5), p99: quantile(0.99), events: recent.length };
  }
}
