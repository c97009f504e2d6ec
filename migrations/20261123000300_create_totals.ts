import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    // Free space in each page allows HOT updates: the row stays in its page and no index changes.
    await this.client.queryArray(`
      create table player_totals (
        player_id bigint primary key,
        bets bigint not null default 0,
        wins bigint not null default 0,
        deposits_eur numeric not null default 0
      ) with (fillfactor = 70);
      comment on table player_totals is 'Sums over events, kept in the transaction that stores them.';
      comment on column player_totals.deposits_eur is 'In cents; numeric, for the sum of bigints may exceed one';

      create table event_counts (
        second timestamptz not null,
        events bigint not null,
        subscriber_id text not null,
        primary key (second, subscriber_id)
      ) with (fillfactor = 70);
      comment on table event_counts is 'Events by the second in which they were stored; a row for each subscriber, so that none waits for another.';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop table event_counts; drop table player_totals");
  }
}
