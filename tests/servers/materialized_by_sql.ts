/** What `GET /materialized` must say, for tests: asked of the stored events alone. */
import type { Session } from "../../shared/postgres/session.ts";
import type { Materialized } from "../../subscriber/dashboard/answers.ts";

/** Without what depends on the moment. */
export function materializedBySql(sql: Session): Promise<object> {
  return sql.one(`select count(*)::int as events_total,
    (select json_build_object('id', player_id, 'count', count(*)) from events where type = 'bet'
      group by player_id order by count(*) desc, player_id limit 1) as top_player_bets,
    (select json_build_object('id', player_id, 'count', count(*)) from events where type = 'bet' and has_won
      group by player_id order by count(*) desc, player_id limit 1) as top_player_wins,
    (select json_build_object('id', player_id, 'count', sum(amount_eur)) from events where type = 'deposit'
      group by player_id order by sum(amount_eur) desc, player_id limit 1) as top_player_deposits from events`);
}

/** What was answered, but for what depends on the moment. */
export function lasting(materialized: Materialized): object {
  const { events_per_minute: _, events_per_second_moving_average: __, ...rest } = materialized;
  return rest;
}
