import { AbstractMigration, type Info } from "nessie";

/**
 * A subscriber adds to the row of the last minute, and may change or remove no older one: it calls a function that runs with
 * the owner's rights and knows the ages itself.
 */
export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create table history (
        at timestamptz not null,
        step_seconds integer not null,
        stored bigint not null,
        dead bigint not null,
        duplicates bigint not null,
        arrived bigint,
        ready bigint,
        unacknowledged bigint,
        oldest_ms bigint,
        rates_age_ms bigint,
        subscribers integer,
        primary key (at, step_seconds)
      );
      comment on table history is 'What the system did, a row for each minute; after two days for each quarter of an hour.';
      comment on column history.arrived
        is 'Settled in that time, and what the queue grew by; null where its length was not known';
      comment on column history.ready is 'In the queue at the end of the minute; of a quarter of an hour the most, as all that follow';
      comment on column history.subscribers is 'Those that told something of themselves; of a quarter of an hour the fewest';
      do $migration$ begin
        execute format($create$
          create or replace function compact_history() returns void
          language sql security definer set search_path = %1$I, pg_temp as $body$
            with old as (
              delete from history where step_seconds = 60 and at < date_trunc('hour', now()) - interval '2 days' returning *
            )
            insert into history as kept
            select date_bin('15 minutes', at, '2000-01-01Z'), 900, sum(stored), sum(dead), sum(duplicates),
              case when count(arrived) = count(*) then sum(arrived) end,
              max(ready), max(unacknowledged), max(oldest_ms), max(rates_age_ms), min(subscribers)
            from old group by 1
            on conflict (at, step_seconds) do update set stored = kept.stored + excluded.stored,
              dead = kept.dead + excluded.dead, duplicates = kept.duplicates + excluded.duplicates,
              arrived = kept.arrived + excluded.arrived, ready = greatest(kept.ready, excluded.ready),
              unacknowledged = greatest(kept.unacknowledged, excluded.unacknowledged),
              oldest_ms = greatest(kept.oldest_ms, excluded.oldest_ms),
              rates_age_ms = greatest(kept.rates_age_ms, excluded.rates_age_ms),
              subscribers = least(kept.subscribers, excluded.subscribers);
            delete from history where at < now() - interval '90 days';
          $body$
        $create$, current_schema());
      end $migration$;
      revoke all on function compact_history() from public;
      comment on function compact_history()
        is 'For subscribers: makes minutes that are two days old quarters of an hour, and removes what is older than 90 days';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop function compact_history(); drop table history");
  }
}
