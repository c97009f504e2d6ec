/** `GET /materialized`: sums over all stored events, read from the rows that each batch's transaction updates. */
import type { Database } from "../../shared/postgres/pool.ts";
import { jsonInteger } from "../../shared/event/json.ts";
import { leaderOf, leadersOfLeaders } from "../store/totals.ts";
import type { Materialized, TopPlayer } from "../dashboard/answers.ts";

export interface Totals {
  readonly materialized: Materialized;
  /** Events stored in the last full second. */
  readonly eventsLastSecond: number;
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
  from event_counts`;
const statement = `select * from (${counts}) as counts, (select ${leadersOfLeaders} from player_leaders) as leaders`;

/** @throws errors of Postgres */
export async function readTotals(database: Database): Promise<Totals> {
  const [row = []] = await database.query(statement, []);
  const [total, minute, second, bets, wins, deposits] = row;
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
  };
}

/** The same 60 s as in `counts`. */
const shares = `
  select subscriber_id, sum(events) as stored from event_counts
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
