/**
 * The partitions of `events`. Subscribers make them four weeks ahead (migrations/20261130120000_partition_events.ts).
 * The migration's function lets one subscriber make them, and blocks no batch for long.
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
      // The next round tries again. The alert on the runway fires when a lock or an outage does not pass.
      if (!stop.aborted && now !== problem) {
        log.warn("No partition of events was created", { event: "partitions.failed", problem: now });
      }
      problem = now;
    }
  };
  await inRounds(round, { everyMs, failed: "No partition of events was created", clock, log }, stop);
}

/** @throws errors of Postgres; the next call makes the missing partitions */
export async function makePartitions({ database, days, log }: Omit<KeepPartitionsOptions, "clock">): Promise<void> {
  const before = await readRunway(database);
  if (before === undefined) return;
  await database.query("select make_event_partitions($1::integer)", [String(days)]);
  const runway = await readRunway(database);
  if (runway !== undefined && runway > before) {
    log.info("Created partitions of events", { event: "partitions.made", runwayDays: Math.floor(runway) });
  }
}

/**
 * Returns for how many days ahead events have partitions, by the clock of Postgres; `undefined` when the table is not
 * partitioned.
 * @throws errors of Postgres
 */
export async function readRunway(database: Pick<Database, "query">): Promise<number | undefined> {
  const [row] = await database.query("select extract(epoch from event_partitions_end() - now()) / 86400", []);
  return row?.[0] == null ? undefined : Number(row[0]);
}

/**
 * Returns how long ago `deno task retention` last ended without an error (s), by the clock of Postgres. Without such a run,
 * the history's first minute counts; without history, 0.
 * @throws errors of Postgres
 */
export async function readRetentionAge(database: Pick<Database, "query">): Promise<number> {
  const [row] = await database.query(
    `select extract(epoch from now() - coalesce(
       (select max(ended_at) from acts where act = 'retention' and state = 'done'), (select min(at) from history), now()))`,
    [],
  );
  return Number(row![0]);
}
