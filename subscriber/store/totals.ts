/** The totals that Postgres keeps beside the events: the statement that adds a batch, and the leaders among players. */
import { kindOf } from "../../shared/event/kinds.ts";
import type { Planned } from "../../shared/postgres/pool.ts";
import type { Enriched } from "../enriched/enriched.ts";

interface Total {
  bets: number;
  wins: number;
  /** EUR cents. */
  deposits: bigint;
}

/** The columns of each table, with the types that they need. */
export const totalsTables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  player_totals: { player_id: "int8", bets: "int8", wins: "int8", deposits_eur: "numeric" },
  event_counts: { second: "timestamptz", subscriber_id: "text", events: "int8" },
  player_leaders: { subscriber_id: "text", bets: "int8[]", wins: "int8[]", deposits_eur: "numeric[]" },
};

/**
 * Begins a statement that fails when its query returns a row; layout.ts parses the text. Without `count(*)` the cast
 * would be constant and would always fail.
 */
export function rowsTaken(table: string): string {
  return `select cast('casino: rows taken by ${table}: ' || count(*) as int)`;
}

/**
 * Returns statements that add the events to the totals of their players and to the counts. They fail when a trigger
 * drops one of these rows.
 * @param events at least one, all of them new
 */
export function totalsStatements(events: readonly Enriched[], subscriberId: string): Planned[] {
  const counts = { text: addCounts, values: [subscriberId, String(events.length)] };
  const totals = totalsOf(events);
  if (totals.size === 0) return [counts];
  const column = (valueOf: (total: Total) => unknown) => `{${Array.from(totals.values(), valueOf).join(",")}}`;
  const values = [
    `{${[...totals.keys()].join(",")}}`,
    column(({ bets }) => bets),
    column(({ wins }) => wins),
    column(({ deposits }) => deposits),
    subscriberId,
    String(totals.size),
  ];
  return [{ text: addTotals, values }, counts];
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
 * @param subscriber the row's subscriber, as an SQL literal
 * @param leaders {@linkcode leadersOfTotals} or {@linkcode leadersOfLeaders}
 * @param source follows `from`; when it has no rows, nothing is written
 */
export function keepLeaders(subscriber: string, leaders: string, source: string): string {
  return `insert into player_leaders as leader (subscriber_id, bets, wins, deposits_eur)
select ${subscriber}, ${leaders} from ${source} having count(*) > 0
on conflict (subscriber_id) do update set
  bets = greatest(leader.bets, excluded.bets),
  wins = greatest(leader.wins, excluded.wins),
  deposits_eur = greatest(leader.deposits_eur, excluded.deposits_eur)`;
}

/** SQL expression: the total of the subscriber's own leader; 0 when it has none. */
export function leadingTotal(total: string, subscriber: string): string {
  return `coalesce((select ${total}[1] from player_leaders where subscriber_id = ${subscriber}), 0)`;
}

/** Rows are locked in the order of player ids; see PostgresStore. */
const addTotals = `
with changed as (insert into player_totals as total (player_id, bets, wins, deposits_eur)
select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::numeric[])
  as row (player_id, bets, wins, deposits_eur) order by player_id
on conflict (player_id) do update set
  bets = total.bets + excluded.bets,
  wins = total.wins + excluded.wins,
  deposits_eur = total.deposits_eur + excluded.deposits_eur
returning player_id, bets, wins, deposits_eur),
ahead as (select * from changed where ${
  // A total below this subscriber's own maximum cannot lead, so most batches write no row of leaders.
  ["bets", "wins", "deposits_eur"].map((total) => `${total} >= ${leadingTotal(total, "$5::text")}`).join(" or ")}),
led as (${keepLeaders("$5::text", leadersOfTotals, "ahead")} returning subscriber_id)
${rowsTaken("player_totals")} from changed having count(*) <> $6::bigint union all
${rowsTaken("player_leaders")} from led having count(*) = 0 and exists (select from ahead)`;

const addCounts = `
with counted as (insert into event_counts as counts (second, subscriber_id, events)
values (date_trunc('second', now()), $1::text, $2::bigint)
on conflict (second, subscriber_id) do update set events = counts.events + excluded.events returning events)
${rowsTaken("event_counts")} from counted having count(*) = 0`;

/**
 * @param array as Postgres writes it, or null
 * @returns `undefined` when the total is 0 for every player
 */
export function leaderOf(array: string | null | undefined): { id: bigint; total: bigint } | undefined {
  const [, total, id] = /^\{(\d+),(-?\d+)\}$/.exec(array ?? "") ?? [];
  if (total === undefined || id === undefined || total === "0") return undefined;
  return { id: ~BigInt(id), total: BigInt(total) };
}
