/** Whether there is background work on dead letters. One query answers for all of it, and a system without any is idle. */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { coalesced } from "../../shared/runtime/deadline.ts";

export interface Work {
  /** Whether a running job has no lease. */
  readonly jobs: boolean;
  /** Whether a letter is `dead` or `replayed`. */
  readonly letters: boolean;
}

/** @throws errors of Postgres */
export type ReadWork = () => Promise<Work>;

/** Loops ask on the same tick, which comes every other second (`sleepToTick`). */
const rememberMs = 1_000;

export function workIn(database: Pick<Database, "query">, clock: Clock): ReadWork {
  return coalesced(rememberMs, clock, async () => {
    const [row] = await database.query(
      `select exists (select from jobs where state = 'running' and (lease_until is null or lease_until < now())),
         exists (select from dead_letters where status = 'dead')
           or exists (select from dead_letters where status = 'replayed')`,
      [],
    );
    return { jobs: row![0] === "t", letters: row![1] === "t" };
  });
}
