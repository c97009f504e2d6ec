import { AbstractMigration, type Info } from "nessie";

/**
 * How long events took from publication to commit, as counts by bucket: counts of minutes and of subscribers can be added
 * up. Rows of before have none; a subscriber of before leaves them as they are.
 */
export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      alter table history add column latencies bigint[];
      comment on column history.latencies
        is 'Measured events by latency: the first of at most 1 ms, the nth of at most 2^((n - 1) / 4) ms, the 100th of all longer';
      ${compaction(withLatencies)}
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      ${compaction(withoutLatencies)}
      alter table history drop column latencies;
    `);
  }
}

/** Keeps the function's owner and privileges. */
function compaction(body: string): string {
  return `
      do $migration$ begin
        execute format($create$
          create or replace function compact_history() returns void
          language sql security definer set search_path = %1$I, pg_temp as $body$
${body}
          $body$
        $create$, current_schema());
      end $migration$;`;
}

const withLatencies = `
            with old as (
              delete from history where step_seconds = 60 and at < date_trunc('hour', now()) - interval '2 days'
              returning *, date_bin('15 minutes', at, '2000-01-01Z') as step
            ), counts as (
              select step, array_agg(events order by bucket) as latencies from (
                select step, bucket, sum(events)::bigint as events
                from old, unnest(latencies) with ordinality as buckets(events, bucket) group by step, bucket
              ) as sums group by step
            )
            insert into history as kept (at, step_seconds, stored, dead, duplicates, arrived,
              ready, unacknowledged, oldest_ms, rates_age_ms, subscribers, latencies)
            select step, 900, sum(stored), sum(dead), sum(duplicates),
              case when count(arrived) = count(*) then sum(arrived) end,
              max(ready), max(unacknowledged), max(oldest_ms), max(rates_age_ms), min(subscribers), counts.latencies
            from old left join counts using (step) group by step, counts.latencies
            on conflict (at, step_seconds) do update set stored = kept.stored + excluded.stored,
              dead = kept.dead + excluded.dead, duplicates = kept.duplicates + excluded.duplicates,
              arrived = kept.arrived + excluded.arrived, ready = greatest(kept.ready, excluded.ready),
              unacknowledged = greatest(kept.unacknowledged, excluded.unacknowledged),
              oldest_ms = greatest(kept.oldest_ms, excluded.oldest_ms),
              rates_age_ms = greatest(kept.rates_age_ms, excluded.rates_age_ms),
              subscribers = least(kept.subscribers, excluded.subscribers),
              latencies = (
                select array_agg(coalesce(one, 0) + coalesce(other, 0) order by bucket)
                from unnest(kept.latencies, excluded.latencies) with ordinality as buckets(one, other, bucket)
              );
            delete from history where at < now() - interval '90 days';`;

const withoutLatencies = `
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
            delete from history where at < now() - interval '90 days';`;
