-- docs/backup.md: how many players' sums differ from their events, and how many events are not counted.
with summed as (
  select player_id, count(*) filter (where type = 'bet') as bets, count(*) filter (where has_won) as wins,
    coalesce(sum(amount_eur) filter (where type = 'deposit'), 0) as deposits_eur
  from events where type in ('bet', 'deposit') group by player_id)
select
  (select count(*) from player_totals_now t full join summed s using (player_id)
    where (t.bets, t.wins, t.deposits_eur) is distinct from (s.bets, s.wins, s.deposits_eur)),
  (select count(*) from events) - (select coalesce(sum(events), 0) from event_counts_now);
