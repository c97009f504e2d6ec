/** The system's history in Postgres, a row for each minute. Every subscriber adds to it, and all read the same. */
import type { Database } from "../../../shared/postgres/pool.ts";
import type { HistoryPoint } from "../../dashboard/answers.ts";
import { summaryOf } from "./latency_buckets.ts";

/** One subscriber's counts since its last write. */
export interface Counted {
  readonly dead: number;
  readonly duplicates: number;
  /** By bucket of {@linkcode LatencyBuckets}; may end early. */
  readonly latencies: readonly number[];
}

/** Figures of the whole system; `null` for an unknown one. */
export interface Found {
  readonly ready: number | null;
  readonly unacknowledged: number | null;
  readonly oldestMs: number | null;
  readonly ratesAgeMs: number | null;
  readonly subscribers: number | null;
}

const counted = "$1::bigint + $2::bigint";
/** An empty parameter becomes null. */
const found = (n: number, type = "bigint") => `nullif($${n}, '')::${type}`;

/**
 * Postgres tells the minute, so no two machines' clocks are compared. The values found by the first writer stay; the
 * counts of all writers are added.
 */
const write = `
  insert into history as kept (at, step_seconds, stored, dead, duplicates, arrived,
    ready, unacknowledged, oldest_ms, rates_age_ms, subscribers, latencies)
  select minute.at, 60, counts.stored, $1::bigint, $2::bigint,
    counts.stored + ${counted} + ${found(3)} + ${found(4)} - before.ready - before.unacknowledged,
    ${found(3)}, ${found(4)}, ${found(5)}, ${found(6)}, ${found(7, "integer")},
    ${found(8, "bigint[]")}
  from (select date_trunc('minute', now()) - interval '1 minute' as at) as minute
    cross join lateral (
      select coalesce(sum(events), 0) as stored from event_counts_now
      where second >= minute.at and second < minute.at + interval '1 minute'
    ) as counts
    left join history as before on before.at = minute.at - interval '1 minute' and before.step_seconds = 60
  on conflict (at, step_seconds) do update set dead = kept.dead + excluded.dead,
    duplicates = kept.duplicates + excluded.duplicates,
    arrived = kept.arrived + excluded.dead + excluded.duplicates,
    latencies = (
      select array_agg(coalesce(one, 0) + coalesce(other, 0) order by bucket)
      from unnest(kept.latencies, excluded.latencies) with ordinality as buckets(one, other, bucket)
    )
    where excluded.dead + excluded.duplicates > 0 or excluded.latencies is not null`;

/** @throws errors of Postgres; an unanswered write may have taken effect */
export async function writeMinute(database: Pick<Database, "query">, counted: Counted, found: Found): Promise<void> {
  const { ready, unacknowledged, oldestMs, ratesAgeMs, subscribers } = found;
  const values = [counted.dead, counted.duplicates, ready, unacknowledged, oldestMs, ratesAgeMs, subscribers];
  const buckets = counted.latencies.slice(0, counted.latencies.findLastIndex((count) => count > 0) + 1);
  await database.query(write, [
    ...values.map((value) => value === null ? "" : String(Math.round(value))),
    buckets.length === 0 ? "" : `{${buckets}}`,
  ]);
}

/** @throws errors of Postgres */
export async function compactHistory(database: Pick<Database, "query">): Promise<void> {
  await database.query("select compact_history()", []);
}

/** Takes the maximum of the values found at one moment, so that a minute's spike stays visible in an hour. */
const read = `
  with found as (
    select *, date_bin($1::int * interval '1 second', at, '2000-01-01Z') as step
    from history where at >= now() - $2::int * interval '1 second'
  ), counts as (
    select step, array_agg(events order by bucket) as latencies from (
      select step, bucket, sum(events::float8) as events
      from found, unnest(latencies) with ordinality as buckets(events, bucket) group by step, bucket
    ) as sums group by step
  )
  select extract(epoch from step)::bigint, sum(step_seconds),
    sum(stored), sum(dead), sum(duplicates), case when count(arrived) = count(*) then greatest(sum(arrived), 0) end,
    max(ready), max(unacknowledged), max(oldest_ms), max(rates_age_ms), min(subscribers), counts.latencies
  from found left join counts using (step)
  group by step, counts.latencies order by step`;

/** Returns the points, oldest first. @throws errors of Postgres */
export async function readHistory(
  database: Pick<Database, "query">,
  { stepSeconds, spanSeconds }: { readonly stepSeconds: number; readonly spanSeconds: number },
): Promise<HistoryPoint[]> {
  const rows = await database.query(read, [String(stepSeconds), String(spanSeconds)]);
  return rows.map((row) => {
    const [at, seconds, stored, dead, duplicates] = row.map(Number) as [number, number, number, number, number];
    const [arrived, ready, unacknowledged, oldest, ratesAge, subscribers] = row.slice(5, 11).map(numberOrNull) as Six;
    const latencies = row[11]?.slice(1, -1).split(",").map(Number) ?? [];
    return {
      ...{ at: new Date(at * 1_000).toISOString(), seconds, stored, dead, duplicates, arrived, ready, unacknowledged },
      ...{ oldest_ms: oldest, rates_age_ms: ratesAge, subscribers, latency_ms: summaryOf(latencies) ?? null },
    };
  });
}

type Known = number | null;
type Six = [Known, Known, Known, Known, Known, Known];

function numberOrNull(text: string | null): Known {
  return text === null ? null : Number(text);
}
