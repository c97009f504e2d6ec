/** Computes the expected `GET /materialized` and totals from the stored events alone. */
import { deepStrictEqual } from "node:assert/strict";
import type { Session } from "../../shared/postgres/session.ts";
import type { Materialized } from "../../subscriber/dashboard/answers.ts";

/** Returns the expected answer without the figures that depend on the time of the request. */
export function materializedBySql(sql: Session): Promise<object> {
  return sql.one(`select count(*)::int as events_total,
    (select json_build_object('id', player_id, 'count', count(*)) from events where type = 'bet'
      group by player_id order by count(*) desc, player_id limit 1) as top_player_bets,
    (select json_build_object('id', player_id, 'count', count(*)) from events where type = 'bet' and has_won
      group by player_id order by count(*) desc, player_id limit 1) as top_player_wins,
    (select json_build_object('id', player_id, 'count', sum(amount_eur)) from events where type = 'deposit'
      group by player_id order by sum(amount_eur) desc, player_id limit 1) as top_player_deposits from events`);
}

/** Returns the answer without the figures that depend on the time of the request. */
export function lasting(materialized: Materialized): object {
  const { events_per_minute: _, events_per_second_moving_average: __, ...rest } = materialized;
  return rest;
}

/** Fails unless exactly this many events are stored, and counts and players' totals match them. */
export async function checkTotals(sql: Session, events: number): Promise<void> {
  const found = await sql.one(`
    select (select count(*)::int from events) as events, (select sum(events)::int from event_counts_now) as counted,
      (select count(*)::int from events where type = 'bet') - (select sum(bets)::int from player_totals_now) as uncounted_bets`);
  deepStrictEqual(found, { events, counted: events, uncounted_bets: 0 });
}
