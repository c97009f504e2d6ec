/** `GET /materialized`: sums over all stored events, exact at any moment. */
import type { Database } from "../../shared/postgres/pool.ts";
import { jsonInteger } from "../../shared/event/json.ts";
import { leaderOf, leadersOfLeaders, leadersOfTotals } from "../store/totals.ts";
import type { Materialized, TopPlayer } from "../dashboard/answers.ts";

export interface Totals {
  readonly materialized: Materialized;
  /** Events stored in the last full second. */
  readonly eventsLastSecond: number;
  /** Age of the oldest batch that is not added to `player_totals` yet, in seconds; 0 when there is none. */
  readonly lagSeconds: number;
}

/**
 * Counts are per whole second. The second in which the minute began counts in proportion, so that an even flow has an
 * even count.
 */
const counts = `
  select coalesce(sum(events), 0),
    coalesce(sum(events) filter (where second > now() - interval '60 seconds'), 0) + round(
      coalesce(sum(events) filter (where second = date_trunc('second', now()) - interval '60 seconds'), 0)
        * (1 - extract(epoch from now()) % 1)),
    coalesce(sum(events) filter (where second = date_trunc('second', now()) - interval '1 second'), 0)
  from event_counts_now`;

/** The players of batches that are not folded yet: only they can lead without a row in `player_leaders`. */
const unfolded = `
  select player_id, added.bets + coalesce(total.bets, 0) as bets, added.wins + coalesce(total.wins, 0) as wins,
    added.deposits_eur + coalesce(total.deposits_eur, 0) as deposits_eur
  from (
    select each.player_id, sum(each.bets)::bigint as bets, sum(each.wins)::bigint as wins,
      sum(each.deposits_eur) as deposits_eur
    from batch_totals as batch, unnest(batch.player_ids, batch.bets, batch.wins, batch.deposits_eur)
      as each (player_id, bets, wins, deposits_eur)
    group by each.player_id
  ) as added left join player_totals as total using (player_id)`;
const leaders = `
  select ${leadersOfLeaders} from (
    select bets, wins, deposits_eur from player_leaders
    union all select ${leadersOfTotals} from (${unfolded}) as totals
  ) as leaders (bets, wins, deposits_eur)`;
const statement = `
  select *, (select extract(epoch from now() - second) from batch_totals order by id limit 1)
  from (${counts}) as counts, (${leaders}) as leaders`;

/** @throws errors of Postgres */
export async function readTotals(database: Database): Promise<Totals> {
  const [row = []] = await database.query(statement, []);
  const [total, minute, second, bets, wins, deposits, lag] = row;
  return {
    materialized: {
      events_total: Number(total),
      events_per_minute: Number(minute),
      events_per_second_moving_average: Math.round(Number(minute) / 60 * 1000) / 1000,
      top_player_bets: topPlayer(bets),
      top_player_wins: topPlayer(wins),
      top_player_deposits: topPlayer(deposits),
    },
    eventsLastSecond: Number(second),
    lagSeconds: Math.max(0, Number(lag ?? 0)),
  };
}

/** The same 60 s as in `counts`. */
const shares = `
  select subscriber_id, sum(events) as stored from event_counts_now
  where second > date_trunc('second', now()) - interval '60 seconds'
  group by subscriber_id order by stored desc, subscriber_id`;

/**
 * Returns how many events each subscriber stored in the last 60 s, the busiest first.
 * @throws errors of Postgres
 */
export async function readShares(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query(shares, []);
  return new Map(rows.map(([id, stored]) => [id ?? "", Number(stored)]));
}

function topPlayer(array: string | null | undefined): TopPlayer | null {
  const leader = leaderOf(array);
  return leader ? { id: jsonInteger(leader.id), count: jsonInteger(leader.total) } : null;
}
