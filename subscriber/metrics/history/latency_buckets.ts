/**
 * A histogram of latencies that subscribers, minutes and hours can add up, which percentiles cannot. Bucket n, from 0 on,
 * counts latencies of at most 2^(n/4) ms that are in no bucket before; the last one, all that are longer. The table
 * `history` keeps these counts for months: the bounds never change.
 */
import type { LatencySummary } from "../latencies.ts";

const steps = 4;
/** Up to 7.8 h. */
const most = 100;

export class LatencyBuckets {
  readonly #counts = new Float64Array(most);

  /** A copy. */
  get counts(): readonly number[] {
    return Array.from(this.#counts);
  }

  add(ms: number): void {
    const bucket = ms <= 1 ? 0 : Math.min(most - 1, Math.ceil(Math.log2(ms) * steps));
    this.#counts[bucket]!++;
  }
}

/** Returns percentiles, within 19 %: a latency lies somewhere in its bucket. @returns `undefined` without latencies */
export function summaryOf(counts: readonly number[]): LatencySummary | undefined {
  const events = counts.reduce((sum, count) => sum + count, 0);
  return events === 0
    ? undefined
    : { p50: quantile(counts, 0.5 * events), p99: quantile(counts, 0.99 * events), events };
}

/** Assumes that a bucket's latencies are spread evenly. */
function quantile(counts: readonly number[], rank: number): number {
  let before = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && before + count >= rank) {
      const lowest = bucket === 0 ? 0 : 2 ** ((bucket - 1) / steps);
      const ms = lowest + (2 ** (bucket / steps) - lowest) * (rank - before) / count;
      return Math.round(ms * 10) / 10;
    }
    before += count;
  }
  throw new RangeError(`no latency has the rank ${rank} of ${before}`);
}
