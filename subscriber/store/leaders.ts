/**
 * Who leads, as the table `player_leaders` keeps it: `{total, ~player_id}` for each total. Arrays compare element by element, so
 * the greatest is the most, and among equals the lowest id, which ~ turns around. Statements build and read these arrays here only.
 */

/** Of totals: rows with the columns of `player_totals`. */
export const leadersOfTotals =
  "max(array[bets, ~player_id]), max(array[wins, ~player_id]), max(array[deposits_eur, (~player_id)::numeric])";

/** Of rows of `player_leaders`. */
export const leadersOfLeaders = "max(bets), max(wins), max(deposits_eur)";

/**
 * The statement that keeps leaders in a row of `player_leaders`, beside those whom it has.
 * @param subscriber whose row, as an SQL literal
 * @param leaders one of the above
 * @param source what follows `from`; without rows in it nothing is kept
 */
export function keepLeaders(subscriber: string, leaders: string, source: string): string {
  return `insert into player_leaders as leader (subscriber_id, bets, wins, deposits_eur)
select ${subscriber}, ${leaders} from ${source} having count(*) > 0
on conflict (subscriber_id) do update set
  bets = greatest(leader.bets, excluded.bets),
  wins = greatest(leader.wins, excluded.wins),
  deposits_eur = greatest(leader.deposits_eur, excluded.deposits_eur)`;
}

/** What the subscriber's own leader has of a total; 0 when it has none. An SQL expression. */
export function leadingTotal(total: string, subscriber: string): string {
  return `coalesce((select ${total}[1] from player_leaders where subscriber_id = ${subscriber}), 0)`;
}

/** @param array as Postgres writes it, or null; `undefined` when nobody has any of the total */
export function leaderOf(array: string | null | undefined): { id: bigint; total: bigint } | undefined {
  const [, total, id] = /^\{(\d+),(-?\d+)\}$/.exec(array ?? "") ?? [];
  if (total === undefined || id === undefined || total === "0") return undefined;
  return { id: ~BigInt(id), total: BigInt(total) };
}
