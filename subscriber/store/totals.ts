/** What a batch adds to the totals beside the events, and the leaders among players. */
import { kindOf } from "../../shared/event/kinds.ts";
import type { Planned } from "../../shared/postgres/pool.ts";
import type { Enriched } from "../enriched/enriched.ts";

interface Total {
  bets: number;
  wins: number;
  /** EUR cents. */
  deposits: bigint;
}

/**
 * Begins a statement that fails when its query returns a row; layout.ts parses the text. Without `count(*)` the cast
 * would be constant and would always fail.
 */
export function rowsTaken(table: string): string {
  return `select cast('casino: rows taken by ${table}: ' || count(*) as int)`;
}

const addBatch = `
with added as (insert into batch_totals (second, subscriber_id, events, player_ids, bets, wins, deposits_eur)
values (date_trunc('second', now()), $1::text, $2::bigint, $3::bigint[], $4::bigint[], $5::bigint[], $6::numeric[])
returning id)
${rowsTaken("batch_totals")} from added having count(*) = 0`;

/**
 * Returns the statement that writes what the events add to the totals of their players and to the counts, as one row.
 * It fails when a trigger drops the row.
 * @param events at least one, all of them new
 */
export function addTotals(events: readonly Enriched[], subscriberId: string): Planned {
  const totals = totalsOf(events);
  const all = [...totals.values()];
  const column = (values: readonly unknown[]) => `{${values.join(",")}}`;
  const ids = column([...totals.keys()]);
  const sums = [all.map(({ bets }) => bets), all.map(({ wins }) => wins), all.map(({ deposits }) => deposits)];
  return { text: addBatch, values: [subscriberId, String(events.length), ids, ...sums.map(column)] };
}

/** Returns the totals by player, from the kinds of events that add to them. */
export function totalsOf(events: readonly Enriched[]): Map<bigint, Total> {
  const totals = new Map<bigint, Total>();
  for (const { event, price } of events) {
    const kind = kindOf(event.type);
    if (!kind.hasMoney || kind.addsTo === undefined) continue;
    let total = totals.get(event.playerId);
    if (!total) totals.set(event.playerId, total = { bets: 0, wins: 0, deposits: 0n });
    if (kind.addsTo === "deposits") total.deposits += price?.eurCents ?? 0n;
    else {
      total.bets++;
      if ("hasWon" in event && event.hasWon) total.wins++;
    }
  }
  return totals;
}

/*
 * The table `player_leaders` keeps leaders as `{total, ~player_id}` for each total. Arrays compare element by element, so
 * the maximum has the greatest total and, as a tie-break, the lowest id, which ~ inverts. These arrays are built and read only
 * here.
 */

/** The leaders among rows with the columns of `player_totals`. */
export const leadersOfTotals =
  "max(array[bets, ~player_id]), max(array[wins, ~player_id]), max(array[deposits_eur, (~player_id)::numeric])";

/** The leaders among rows of `player_leaders`. */
export const leadersOfLeaders = "max(bets), max(wins), max(deposits_eur)";

/**
 * The statement that merges leaders into a row of `player_leaders`.
 * @param leaders {@linkcode leadersOfTotals} or {@linkcode leadersOfLeaders}
 * @param source follows `from`; when it has no rows, nothing is written
 */
export function keepLeaders(leaders: string, source: string): string {
  return `insert into player_leaders as leader (subscriber_id, bets, wins, deposits_eur)
select '', ${leaders} from ${source} having count(*) > 0
on conflict (subscriber_id) do update set
  bets = greatest(leader.bets, excluded.bets),
  wins = greatest(leader.wins, excluded.wins),
  deposits_eur = greatest(leader.deposits_eur, excluded.deposits_eur)`;
}

/**
 * @param array as Postgres writes it, or null
 * @returns `undefined` when the total is 0 for every player
 */
export function leaderOf(array: string | null | undefined): { id: bigint; total: bigint } | undefined {
  const [, total, id] = /^\{(\d+),(-?\d+)\}$/.exec(array ?? "") ?? [];
  if (total === undefined || id === undefined || total === "0") return undefined;
  return { id: ~BigInt(id), total: BigInt(total) };
}
