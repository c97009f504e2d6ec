/** Lets old events go, one partition after the other. What is done stays done: another run goes on where one was cut off. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Session } from "../../shared/postgres/session.ts";
import { plural } from "../../shared/runtime/printable.ts";
import { exportRows } from "./export.ts";
import { deleteForeign, findForeign, type Foreign, oldRowsOf } from "./foreign.ts";
import { detach, drop, findOldWeeks, type Week } from "./partitions.ts";

/** What is to go. */
export interface Plan {
  readonly weeks: readonly Week[];
  readonly foreign: readonly Foreign[];
  /** The day before which foreign events were stored: RFC 3339. */
  readonly before: string;
}

/** What has gone. */
export interface Gone {
  readonly tables: string[];
  /** Under ids of no time. */
  foreign: number;
  readonly files: string[];
}

/** @param days EVENTS_RETENTION_DAYS */
export async function planRetention(sql: Session, days: number): Promise<Plan> {
  const { before } = await sql.one<{ before: string }>(
    `select to_char(date_trunc('day', now() at time zone 'UTC') - $1::integer * interval '1 day', 'YYYY-MM-DD"T00:00:00Z"')
       as before`,
    [days],
  );
  return { weeks: await findOldWeeks(sql, days), foreign: await findForeign(sql, before), before };
}

export interface RetentionOptions {
  readonly sql: Session;
  readonly plan: Plan;
  /** Where files are written before rows go. */
  readonly directory: string | undefined;
  readonly clock: Clock;
  /** Is told a sentence for each step. */
  readonly say: (sentence: string) => void;
  readonly stop: AbortSignal;
}

/**
 * @param gone is added to as it goes on
 * @throws what Postgres or the file system says: what was not exported is not dropped
 */
export async function letGo(options: RetentionOptions, gone: Gone): Promise<void> {
  const { sql, plan: { weeks, foreign, before }, directory, clock, say, stop } = options;
  for (const week of weeks) {
    if (stop.aborted) return;
    await detach(sql, week, clock);
    await exportTo(week.table, week.table);
    await drop(sql, week, clock);
    gone.tables.push(week.table);
    say(`Dropped ${week.table}.`);
  }
  for (const each of foreign) {
    if (stop.aborted) return;
    await exportTo(oldRowsOf(each, before), `${each.table}_until_${before.slice(0, 10).replaceAll("-", "")}`);
    await deleteForeign(sql, each, before, (rows) => gone.foreign += rows, stop);
    say(`Deleted the old events of ${each.table}.`);
  }

  async function exportTo(source: string, name: string): Promise<void> {
    if (directory === undefined) return;
    const { file, rows } = await exportRows(sql, source, directory, name);
    gone.files.push(file);
    say(`Exported ${plural(rows, "event")} to ${file}.`);
  }
}
