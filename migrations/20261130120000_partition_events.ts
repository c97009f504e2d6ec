import { AbstractMigration, type Info } from "nessie";

/**
 * Partitions `events` by ranges of message ids: a UUIDv7 begins with its time. A table with rows stays as it is:
 * `partition_events()` takes it when an operator asks (docs/retention.md).
 *
 * Other UUIDs fall anywhere, so every id has a partition, without a default one, which forbids `detach … concurrently`:
 * - `events_before`: ids before the first week, and ids of messages that came without one
 * - `events_20261130` and so on: a week each, or EVENTS_PARTITION_DAYS
 * - `events_ahead`: until 2050, and refuses UUIDv7. It gives up the rows of a week when that week gets its partition: one row
 *   for 465,000 other UUIDs.
 * - `events_other`: later ids
 */
export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create or replace function first_event_id(timestamptz) returns uuid language sql immutable
        as $$ select rpad(lpad(to_hex(floor(extract(epoch from $1) * 1000)::bigint), 12, '0'), 32, '0')::uuid $$;
      create or replace function time_of_event_id(uuid) returns timestamptz language sql immutable
        as $$ select to_timestamp(('x' || substr(replace($1::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) $$;
      create or replace function event_partitions_end() returns timestamptz language sql stable as $$
        select time_of_event_id(substring(pg_get_expr(relpartbound, oid) from 'FROM \\(''([0-9a-f-]+)''\\)')::uuid)
        from pg_class where oid = to_regclass('events_ahead') and relispartition
      $$;
      comment on function first_event_id(timestamptz) is 'The least id of a UUIDv7 that was made at this time';
      comment on function time_of_event_id(uuid) is 'When a UUIDv7 was made';
      comment on function event_partitions_end()
        is 'The time up to which events has partitions; null while it is not partitioned';
      do $migration$ begin
        execute format($create$ ${makePartitions} $create$, current_schema());
        execute format($create$ ${partitionEvents} $create$, current_schema());
      end $migration$;
      revoke all on function make_event_partitions(integer) from public;
      revoke all on function partition_events(timestamptz) from public;
      comment on function make_event_partitions(integer)
        is 'For subscribers: makes partitions of events of so many days each, for 28 days ahead';
      comment on function partition_events(timestamptz)
        is 'For the owner: the table as it is becomes the partition of all ids before this time';
      do $migration$ begin
        if not exists (select from events) then
          lock table events in access exclusive mode;
          if not exists (select from events) then
            perform partition_events(date_trunc('week', now() at time zone 'UTC') at time zone 'UTC');
          end if;
        end if;
      end $migration$;
    `);
  }

  /** Rows are written once more, into one table. */
  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      do $migration$
      declare
        definitions text[];
        words text := obj_description('events'::regclass, 'pg_class');
        granted aclitem[];
        statement text;
      begin
        if (select relkind from pg_class where oid = 'events'::regclass) = 'p' then
          lock table events in access exclusive mode;
          ${indexesInto("definitions")};
          ${grantsInto("granted")};
          create table events_plain (like events including all excluding indexes) with (${vacuumed});
          insert into events_plain select * from events;
          drop table events;
          alter table events_plain rename to events;
          alter table events add primary key (message_id);
          foreach statement in array definitions loop execute statement; end loop;
          ${grantAgain("granted")};
          execute format('comment on table events is %L', words);
        end if;
      end $migration$;
      drop function partition_events(timestamptz);
      drop function make_event_partitions(integer);
      drop function event_partitions_end();
      drop function time_of_event_id(uuid);
      drop function first_event_id(timestamptz);
    `);
  }
}

/** As migration find_events has it for the table: a partitioned one has no such parameters of its own. */
const vacuumed = "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000";

/** Beyond it, all ids are in one partition. */
const horizon = "timestamptz '2050-01-01 00:00+00'";

/**
 * One run at a time. The tables are made before the lock on `events`, which batches wait for: it lasts for milliseconds, and
 * is given up after 2 s. That is longer than `deadlock_timeout`, by which an autovacuum gives way. `pg_temp` comes last, or a
 * temporary table of the caller would stand for ours. Days have 24 hours, whatever the session's zone.
 */
const makePartitions = `
  create or replace function make_event_partitions(days integer) returns timestamptz
  language plpgsql security definer set search_path = %1$I, pg_temp set lock_timeout = '2s' as $body$
  declare
    span interval := least(greatest(days, 1), 31) * interval '24 hours';
    wanted timestamptz := now() + interval '672 hours';
    bounds timestamptz[] := array[event_partitions_end()];
    part text;
  begin
    if bounds[1] is null or bounds[1] >= wanted
      or not pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.event_partitions', 0)) then
      return bounds[1];
    end if;
    bounds := array[event_partitions_end()];
    while bounds[cardinality(bounds)] < wanted and bounds[cardinality(bounds)] + span <= ${horizon} loop
      part := 'events_' || to_char(bounds[cardinality(bounds)] at time zone 'UTC', 'YYYYMMDD');
      execute format('create table %%I (like events including all) with (${vacuumed})', part);
      bounds := bounds || bounds[cardinality(bounds)] + span;
    end loop;
    if cardinality(bounds) = 1 then return bounds[1]; end if;
    lock table events in access exclusive mode;
    alter table events detach partition events_ahead;
    for n in 2 .. cardinality(bounds) loop
      part := 'events_' || to_char(bounds[n - 1] at time zone 'UTC', 'YYYYMMDD');
      execute format(
        'with moved as (delete from events_ahead where message_id < %%L returning *) insert into %%I select * from moved',
        first_event_id(bounds[n]), part
      );
      execute format('alter table events attach partition %%I for values from (%%L) to (%%L)',
        part, first_event_id(bounds[n - 1]), first_event_id(bounds[n]));
    end loop;
    execute format('alter table events attach partition events_ahead for values from (%%L) to (%%L)',
      first_event_id(bounds[cardinality(bounds)]), first_event_id(${horizon}));
    return bounds[cardinality(bounds)];
  end $body$`;

/**
 * A table with rows is read by the attachment, unless a valid CHECK says that all ids are below: `events_bounded`, which the new
 * table must not have.
 */
const partitionEvents = `
  create or replace function partition_events(first timestamptz) returns void
  language plpgsql set search_path = %1$I, pg_temp set lock_timeout = '2s' as $body$
  declare
    definitions text[];
    words text := obj_description('events'::regclass, 'pg_class');
    granted aclitem[];
    statement text;
  begin
    if (select relkind from pg_class where oid = 'events'::regclass) = 'p' then return; end if;
    lock table events in access exclusive mode;
    ${indexesInto("definitions")};
    ${grantsInto("granted")};
    execute 'alter table events rename to events_before';
    for statement in
      select format('alter index %%I rename to %%I', relname, 'events_before_' || regexp_replace(relname, '^events_', ''))
      from pg_index join pg_class on oid = indexrelid where indrelid = 'events_before'::regclass
    loop execute statement; end loop;
    create table events (like events_before including all excluding indexes) partition by range (message_id);
    execute 'alter table events add primary key (message_id)';
    alter table events drop constraint if exists events_bounded;
    foreach statement in array definitions loop execute statement; end loop;
    execute format('comment on table events is %%L', words);
    if to_regclass('events_found') is not null then comment on index events_found is 'For deno task find'; end if;
    create table events_ahead (
      like events including all,
      constraint events_partition_missing check (substr(message_id::text, 15, 1) <> '7')
    ) with (${vacuumed});
    create table events_other (like events including all) with (${vacuumed});
    execute format('alter table events attach partition events_before for values from (minvalue) to (%%L)',
      first_event_id(first));
    alter table events_before drop constraint if exists events_bounded;
    execute format('alter table events attach partition events_ahead for values from (%%L) to (%%L)',
      first_event_id(first), first_event_id(${horizon}));
    execute format('alter table events attach partition events_other for values from (%%L) to (maxvalue)',
      first_event_id(${horizon}));
    perform make_event_partitions(7);
    ${grantAgain("granted")};
  end $body$`;

/** The statements that make the indexes of `events`, but for its primary key. */
function indexesInto(variable: string): string {
  return `select coalesce(array_agg(replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')), '{}') into ${variable}
    from pg_index where indrelid = 'events'::regclass and not indisprimary`;
}

function grantsInto(variable: string): string {
  return `select relacl into ${variable} from pg_class where oid = 'events'::regclass`;
}

/** To the new table under the old name: subscribers are at work meanwhile. */
function grantAgain(variable: string): string {
  return `for statement in
      select concat_ws(' ', 'grant', privilege_type, 'on events to',
        case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
      from aclexplode(${variable}) where pg_get_userbyid(grantee) <> current_user
    loop execute statement; end loop`;
}
