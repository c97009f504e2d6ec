import type { Random } from "./random.ts";

/** How long to wait before the next try, in ms: doubling from `first` up to `most`, each time 50 to 100 % of that. */
export interface Backoff {
  readonly first: number;
  readonly most: number;
}

/** @param attempt how many tries have failed; 1 or more */
export function backoffMs(attempt: number, { first, most }: Backoff, random: Random): number {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 30));
  // Half of it is chance, so that members that failed together do not come back together.
  return full * (0.5 + random.next() / 2);
}
