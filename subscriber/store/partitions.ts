/**
 * The partitions of `events`, which subscribers make four weeks ahead (migrations/20261130120000_partition_events.ts). The
 * function of the migration sees to it that one of them does it, and that no batch waits for long.
 */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { inRounds } from "../../shared/runtime/rounds.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";

const everyMs = 60_000;

export interface KeepPartitionsOptions {
  readonly database: Pick<Database, "query">;
  /** EVENTS_PARTITION_DAYS */
  readonly days: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes partitions until the signal is aborted; never throws. */
export async function keepPartitions(options: KeepPartitionsOptions, stop: AbortSignal): Promise<void> {
  const { clock, log } = options;
  let problem: string | undefined;
  const round = async () => {
    try {
      await makePartitions(options);
      problem = undefined;
    } catch (error) {
      const now = explainStoreError(error);
      // A lock or a database that is away passes by itself: the alert on the runway tells when it does not.
      if (!stop.aborted && now !== problem) {
        log.warn("No partition of events was made", { event: "partitions.failed", problem: now });
      }
      problem = now;
    }
  };
  await inRounds(round, { everyMs, failed: "No partition of events was made", clock, log }, stop);
}

/** @throws errors of Postgres; the next call makes what this one did not */
export async function makePartitions({ database, days, log }: Omit<KeepPartitionsOptions, "clock">): Promise<void> {
  const before = await readRunway(database);
  if (before === undefined) return;
  await database.query("select make_event_partitions($1::integer)", [String(days)]);
  const runway = await readRunway(database);
  if (runway !== undefined && runway > before) {
    log.info("Partitions of events are made", { event: "partitions.made", runwayDays: Math.floor(runway) });
  }
}

/**
 * Days ahead for which events have partitions, by the clock of Postgres; `undefined` where the table is not partitioned.
 * @throws errors of Postgres
 */
export async function readRunway(database: Pick<Database, "query">): Promise<number | undefined> {
  const [row] = await database.query("select extract(epoch from event_partitions_end() - now()) / 86400", []);
  return row?.[0] == null ? undefined : Number(row[0]);
}
