/** What the suite needs of shared rates, and what its tests have in common. */
import { ratesOf } from "../../fixtures/deliveries.ts";
import type { SharedRates } from "../../../subscriber/rates/shared_rates.ts";

/** A kind of shared rates that is put to the test. */
export interface Subject {
  readonly name: string;
  /** Gives `use` fresh ones; each call of `pass` lets at least so many ms go by. */
  withShared(use: (shared: SharedRates, pass: (ms: number) => Promise<void>) => Promise<void>): Promise<void>;
}

export const life = { freshMs: 60_000, staleMs: 0 };
/** A lock or life that outlasts any test, and one that is over when a test has let {@linkcode overMs} pass. */
export const [longMs, shortMs, overMs] = [60_000, 20, 80];
export const [older, newer] = [ratesOf({ USD: "1" }, 1_000), ratesOf({ USD: "2" }, 2_000)];
