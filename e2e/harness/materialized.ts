import type { Sql } from "../../shared/postgres.ts";
import { getJson } from "./http.ts";

/** What `GET /materialized` must say, asked of the stored events alone; without what depends on the moment. */
export async function materializedBySql(sql: Sql): Promise<object> {
  const [row] = await sql`select count(*)::int as events_total,
    (select json_build_object('id', player_id, 'count', count(*)) from events where type = 'bet'
      group by player_id order by count(*) desc, player_id limit 1) as top_player_bets,
    (select json_build_object('id', player_id, 'count', count(*)) from events where type = 'bet' and has_won
      group by player_id order by count(*) desc, player_id limit 1) as top_player_wins,
    (select json_build_object('id', player_id, 'count', sum(amount_eur)) from events where type = 'deposit'
      group by player_id order by sum(amount_eur) desc, player_id limit 1) as top_player_deposits from events`;
  return { ...row };
}

/** What a subscriber says, without what depends on the moment. */
export async function materializedOf(url: string): Promise<object> {
  const { events_per_minute: _, events_per_second_moving_average: __, ...exact } = await getJson(`${url}/materialized`);
  return exact;
}
