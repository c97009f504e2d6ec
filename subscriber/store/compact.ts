/**
 * Compacts rows once a minute: the counts of past seconds become one row, and so do the leaders, of which each subscriber
 * of 0.1.0 writes a row of its own. So `GET /materialized` reads few rows, however long the system runs.
 */
import { type Clock, sleepToTick } from "../../shared/runtime/clock.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { Log } from "../../shared/runtime/telemetry/log.ts";
import { keepLeaders, leadersOfLeaders, leadersOfTotals } from "./totals.ts";

const everyMs = 60_000;
/** Once soon after the start, and then about once an hour. */
const roundsPerSearch = 60;

/** Each is exact while batches change the same rows: a delete waits for the row's last change and returns it. */
const statements = [
  `with old as (
     delete from event_counts where second < now() - interval '5 minutes' and subscriber_id <> '' returning events
   )
   insert into event_counts as counts (second, subscriber_id, events)
   select '-infinity', '', sum(events) from old having count(*) > 0
   on conflict (second, subscriber_id) do update set events = counts.events + excluded.events`,
  `with old as (
     delete from player_leaders where subscriber_id in (
       select subscriber_id from player_leaders where subscriber_id <> '' order by subscriber_id for update skip locked
     ) returning bets, wins, deposits_eur
   )
   ${keepLeaders(leadersOfLeaders, "old")}`,
];

/** Reads all totals to find the leaders: an operator may have changed totals by hand. */
const leadersOfAll = keepLeaders(leadersOfTotals, "player_totals");

/** @throws errors of Postgres; the next run compacts the remaining rows */
export async function compact(database: Database): Promise<void> {
  for (const statement of statements) await database.query(statement, []);
}

/** @throws errors of Postgres */
export async function findLeaders(database: Database): Promise<void> {
  await database.query(leadersOfAll, []);
}

export interface KeepCompactingOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Compacts until the signal is aborted; never throws. */
export async function keepCompacting(
  { database, clock, random, log }: KeepCompactingOptions,
  stop: AbortSignal,
): Promise<void> {
  for (let rounds = 0; !stop.aborted; rounds++) {
    // Spread the runs of subscribers that were started together.
    await sleepToTick(clock, random.int(everyMs / 2, everyMs), stop).catch(() => {});
    if (stop.aborted) return;
    try {
      await compact(database);
      if (rounds % roundsPerSearch === 0) await findLeaders(database);
    } catch (error) {
      log.debug("Counts of past seconds and leaders were not compacted", { problem: messageOf(error) });
    }
  }
}
