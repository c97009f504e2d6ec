/** What a batch adds to the sums that are kept beside the events. */
import { kindOf } from "../../shared/event/kinds.ts";
import type { Enriched } from "../enriched/enriched.ts";
import { keepLeaders, leadersOfTotals, leadingTotal } from "./leaders.ts";

interface Total {
  bets: number;
  wins: number;
  /** EUR cents. */
  deposits: bigint;
}

/**
 * Adds the events to the totals of their players and to the counts. Its values are part of its text, for it is sent together
 * with the rows, and takes no parameters then.
 * @param events all of them new, at least one
 */
export function totalsStatement(events: readonly Enriched[], subscriberId: string): string {
  const totals = totalsOf(events);
  const subscriber = `'${subscriberId.replaceAll("'", "''")}'`;
  const column = (valueOf: (total: Total) => unknown) => `'{${Array.from(totals.values(), valueOf).join(",")}}'`;
  // A total below what this subscriber has seen lead cannot lead. Most batches have no other, and then write no row.
  const leads = ["bets", "wins", "deposits_eur"].map((total) => `${total} >= ${leadingTotal(total, subscriber)}`);
  // A row for each player, in the order of their ids; see PostgresStore. Of the totals that come of it the greatest are kept
  // where nobody else waits for them, for to look for them among a million players takes too long for who asks.
  const players = totals.size === 0 ? "" : `
with changed as (insert into player_totals as total (player_id, bets, wins, deposits_eur)
select * from unnest(
  '{${[...totals.keys()].join(",")}}'::bigint[], ${column(({ bets }) => bets)}::bigint[],
  ${column(({ wins }) => wins)}::bigint[], ${column(({ deposits }) => deposits)}::numeric[]
) as row (player_id, bets, wins, deposits_eur) order by player_id
on conflict (player_id) do update set
  bets = total.bets + excluded.bets,
  wins = total.wins + excluded.wins,
  deposits_eur = total.deposits_eur + excluded.deposits_eur
returning player_id, bets, wins, deposits_eur)
${keepLeaders(subscriber, leadersOfTotals, `changed where ${leads.join(" or ")}`)};`;
  return `${players}
insert into event_counts as counts (second, subscriber_id, events)
values (date_trunc('second', now()), ${subscriber}, ${events.length})
on conflict (second, subscriber_id) do update set events = counts.events + excluded.events`;
}

/** By player; of the kinds that add to totals only. */
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
