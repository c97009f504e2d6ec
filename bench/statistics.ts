/** The median of several runs, and their spread. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws {RangeError} when there are no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("a spread needs at least one value");
  const sorted = values.toSorted((a, b) => a - b);
  return { median: percentile(sorted, 50), min: sorted[0]!, max: sorted.at(-1)! };
}

/**
 * The nearest-rank percentile: the least value that at least `p` of 100 values do not exceed; of an even number of
 * values, the 50th is the lower middle one.
 * @param sorted in ascending order, not empty
 * @param p greater than 0, at most 100
 */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * p / 100) - 1)]!;
}
