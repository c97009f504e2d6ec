import { AbstractMigration, type Info } from "nessie";

/**
 * A batch leaves what it adds to the totals in a row of its own, so that no two batches wait for one row. A subscriber
 * adds these rows up once a second. The views are exact at any moment.
 */
export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create table batch_totals (
        id bigint generated always as identity primary key,
        second timestamptz not null,
        subscriber_id text not null,
        events bigint not null,
        player_ids bigint[] not null,
        bets bigint[] not null,
        wins bigint[] not null,
        deposits_eur numeric[] not null
      ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
      alter table batch_totals
        ${
      ["player_ids", "bets", "wins", "deposits_eur"].map((column) => `alter ${column} set storage external`).join(", ")
    };
      comment on table batch_totals is
        'What a stored batch adds to event_counts and player_totals, until a subscriber adds it, which deletes the row.';
      create view event_counts_now as
        select second, subscriber_id, events from event_counts
        union all select second, subscriber_id, events from batch_totals;
      comment on view event_counts_now is 'event_counts with the batches that are not added yet';
      create view player_totals_now as
        select player_id, sum(bets)::bigint as bets, sum(wins)::bigint as wins, sum(deposits_eur) as deposits_eur
        from (
          select player_id, bets, wins, deposits_eur from player_totals
          union all
          select added.player_id, added.bets, added.wins, added.deposits_eur
          from batch_totals as batch,
            unnest(batch.player_ids, batch.bets, batch.wins, batch.deposits_eur)
              as added (player_id, bets, wins, deposits_eur)
        ) as each_total group by player_id;
      comment on view player_totals_now is 'player_totals with the batches that are not added yet';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      insert into event_counts as counts (second, subscriber_id, events)
        select second, subscriber_id, sum(events) from batch_totals group by second, subscriber_id
        on conflict (second, subscriber_id) do update set events = counts.events + excluded.events;
      insert into player_totals as total (player_id, bets, wins, deposits_eur)
        select added.player_id, sum(added.bets), sum(added.wins), sum(added.deposits_eur)
        from batch_totals as batch,
          unnest(batch.player_ids, batch.bets, batch.wins, batch.deposits_eur)
            as added (player_id, bets, wins, deposits_eur)
        group by added.player_id
        on conflict (player_id) do update set bets = total.bets + excluded.bets, wins = total.wins + excluded.wins,
          deposits_eur = total.deposits_eur + excluded.deposits_eur;
      delete from player_leaders;
      insert into player_leaders
        select '', max(array[bets, ~player_id]), max(array[wins, ~player_id]),
          max(array[deposits_eur, (~player_id)::numeric])
        from player_totals having count(*) > 0;
      drop view player_totals_now; drop view event_counts_now; drop table batch_totals`);
  }
}
