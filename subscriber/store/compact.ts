/**
 * Once a minute, what subscribers have left in rows of their own becomes one row: the counts of seconds long gone, and the
 * leaders. So what `GET /materialized` reads stays small, however long the system runs and however many subscribers come and go.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Random } from "../../shared/random.ts";
import type { Log } from "../../shared/telemetry/log.ts";

const everyMs = 60_000;
/** Once soon after the start, and then about once an hour. */
const foldsPerSearch = 60;

/** Each is exact beside windows that change the same rows: who deletes a row waits for its last change and returns it. */
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
   insert into player_leaders as leader (subscriber_id, bets, wins, deposits_eur)
   select '', max(bets), max(wins), max(deposits_eur) from old having count(*) > 0
   on conflict (subscriber_id) do update set
     bets = greatest(leader.bets, excluded.bets),
     wins = greatest(leader.wins, excluded.wins),
     deposits_eur = greatest(leader.deposits_eur, excluded.deposits_eur)`,
];

/**
 * Finds who leads among all totals, in the time that it takes to read them. For when somebody has changed them who knows no leaders:
 * an operator by hand, or a subscriber from before there were any (every release has them).
 */
const leadersOfAll = `
  insert into player_leaders as leader (subscriber_id, bets, wins, deposits_eur)
  select '', max(array[bets, ~player_id]), max(array[wins, ~player_id]), max(array[deposits_eur, (~player_id)::numeric])
  from player_totals having count(*) > 0
  on conflict (subscriber_id) do update set
    bets = greatest(leader.bets, excluded.bets),
    wins = greatest(leader.wins, excluded.wins),
    deposits_eur = greatest(leader.deposits_eur, excluded.deposits_eur)`;

/** @throws what Postgres says; what is not folded now is folded the next time */
export async function fold(database: Database): Promise<void> {
  for (const statement of statements) await database.query(statement, []);
}

/** @throws what Postgres says */
export async function findLeaders(database: Database): Promise<void> {
  await database.query(leadersOfAll, []);
}

export interface KeepFoldingOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Folds until the signal is aborted; never throws. */
export async function keepFolding(
  { database, clock, random, log }: KeepFoldingOptions,
  stop: AbortSignal,
): Promise<void> {
  for (let folds = 0; !stop.aborted; folds++) {
    // Subscribers that were started together need not all do it at the same moment.
    await clock.sleep(random.int(everyMs / 2, everyMs), stop).catch(() => {});
    if (stop.aborted) return;
    try {
      await fold(database);
      if (folds % foldsPerSearch === 0) await findLeaders(database);
    } catch (error) {
      log.debug("Old counts were not folded", { problem: messageOf(error) });
    }
  }
}
