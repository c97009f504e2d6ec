/** `GET /materialized`: sums over all that every subscriber has stored, read from what is kept in each window's transaction. */
import type { Database } from "../../shared/postgres/pool.ts";
import type { Materialized, TopPlayer } from "./page/answers.ts";

export interface Totals {
  readonly materialized: Materialized;
  /** Stored in the last second that is over. */
  readonly eventsLastSecond: number;
}

/**
 * Counts are kept by whole seconds: of the one in which the minute began, only the share that is within it counts, so that what
 * comes evenly is told evenly.
 */
const statement = `
  select coalesce(sum(events), 0),
    coalesce(sum(events) filter (where second > now() - interval '60 seconds'), 0) + round(
      coalesce(sum(events) filter (where second = date_trunc('second', now()) - interval '60 seconds'), 0)
        * (1 - extract(epoch from now()) % 1)),
    coalesce(sum(events) filter (where second = date_trunc('second', now()) - interval '1 second'), 0),
    (select max(bets) from player_leaders), (select max(wins) from player_leaders),
    (select max(deposits_eur) from player_leaders)
  from event_counts`;

/** @throws what Postgres says */
export async function readTotals(database: Database): Promise<Totals> {
  const [row = []] = await database.query(statement, []);
  const [total, minute, second, bets, wins, deposits] = row;
  return {
    materialized: {
      events_total: Number(total),
      events_per_minute: Number(minute),
      events_per_second_moving_average: Math.round(Number(minute) / 60 * 1000) / 1000,
      top_player_bets: leaderOf(bets),
      top_player_wins: leaderOf(wins),
      top_player_deposits: leaderOf(deposits),
    },
    eventsLastSecond: Number(second),
  };
}

/** @param array `{total,~player_id}`; see migrations/20261124000000_create_player_leaders.ts */
function leaderOf(array: string | null | undefined): TopPlayer | null {
  const [, count, id] = /^\{(\d+),(-?\d+)\}$/.exec(array ?? "") ?? [];
  if (count === undefined || id === undefined || count === "0") return null;
  return { id: integer(~BigInt(id)), count: integer(BigInt(count)) };
}

function integer(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}
