import { AbstractMigration, type Info } from "nessie";

/**
 * A subscriber may not delete letters. It calls functions that run with the owner's rights and delete only letters and
 * jobs that are old and finished.
 *
 * A letter's age counts from the latest of three times. `kept_at` is one of them because no subscriber may change it.
 * `pg_temp` comes last in the search path, or a temporary table of the caller would replace ours.
 */
export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create index if not exists dead_letters_old on dead_letters (greatest(acted_at, stored_at, kept_at))
        where status <> 'dead';
      do $migration$ begin
        execute format($create$
          create or replace function remove_old_letters(days integer, most integer) returns bigint
          language sql security definer set search_path = %1$I, pg_temp as $body$
            with old as (
              select id from dead_letters
              where status <> 'dead'
                and greatest(acted_at, stored_at, kept_at) < now() - greatest(days, 1) * interval '1 day'
              order by greatest(acted_at, stored_at, kept_at) limit most for update skip locked
            ), removed as (
              delete from dead_letters where id in (select id from old) returning id
            )
            select count(*) from removed
          $body$
        $create$, current_schema());
        execute format($create$
          create or replace function remove_old_jobs(days integer, most integer) returns bigint
          language sql security definer set search_path = %1$I, pg_temp as $body$
            with old as (
              select id from jobs
              where state not in ('running', 'paused') and finished_at < now() - greatest(days, 1) * interval '1 day'
              limit most for update skip locked
            ), removed as (
              delete from jobs where id in (select id from old) returning id
            )
            select count(*) from removed
          $body$
        $create$, current_schema());
      end $migration$;
      revoke all on function remove_old_letters(integer, integer) from public;
      revoke all on function remove_old_jobs(integer, integer) from public;
      comment on function remove_old_letters(integer, integer)
        is 'For subscribers: removes letters that were replayed, dropped or resolved so many days ago';
      comment on function remove_old_jobs(integer, integer) is 'For subscribers: removes jobs that ended so many days ago';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      drop function remove_old_letters(integer, integer);
      drop function remove_old_jobs(integer, integer);
      drop index dead_letters_old;
    `);
  }
}
