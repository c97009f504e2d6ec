/**
 * Removes replayed, dropped and resolved letters, and ended jobs, once they are older than DEAD_LETTER_RETENTION_DAYS.
 * One subscriber does so for all of them, a few rows at a time. Letters with status `dead` stay, whatever their age.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { inRounds } from "../../shared/runtime/rounds.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { type Lease, leaseOf } from "./leases.ts";

/** Maximum number of rows per transaction: keepers and operators must not wait for its locks. */
const removedAtOnce = 500;
/** Maximum number of transactions per round. The lease is renewed before each. */
const mostAtOnce = 20;
const everyMs = 60_000;

export interface KeepRemovingOptions {
  readonly database: Pick<Database, "query">;
  readonly owner: string;
  /** 0 removes nothing. */
  readonly days: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removes until the signal is aborted; never throws. */
export async function keepRemoving(options: KeepRemovingOptions, stop: AbortSignal): Promise<void> {
  const { database, owner, days, clock, log } = options;
  if (days === 0) return;
  const lease = leaseOf(database, "remove", owner);
  const round = async () => {
    const removed = await removeOld(lease, options, stop);
    if (removed.letters + removed.jobs > 0) {
      log.info("Old letters and jobs are removed", { event: "dead_letters.removed", ...removed, days });
    }
  };
  await inRounds(round, { everyMs, failed: "No old letter was removed", clock, log }, stop);
  await lease.release().catch(() => {});
}

/** Runs one round. @returns the numbers of removed letters and jobs */
export async function removeOld(
  lease: Pick<Lease, "hold">,
  { database, days }: Pick<KeepRemovingOptions, "database" | "days">,
  stop?: AbortSignal,
): Promise<{ readonly letters: number; readonly jobs: number }> {
  const removed = { letters: 0, jobs: 0 };
  for (const what of ["letters", "jobs"] as const) {
    for (let chunks = 0; chunks < mostAtOnce && !stop?.aborted && await lease.hold(); chunks++) {
      const statement = `select remove_old_${what}($1::integer, ${removedAtOnce})`;
      const [row] = await database.query(statement, [String(days)]);
      removed[what] += Number(row![0]);
      if (Number(row![0]) < removedAtOnce) break;
    }
  }
  return removed;
}
