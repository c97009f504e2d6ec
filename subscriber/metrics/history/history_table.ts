/** The system's history in Postgres, a row for each minute. Every subscriber adds to it, and all read the same. */
import type { Database } from "../../../shared/postgres/pool.ts";
import type { HistoryPoint } from "../../dashboard/answers.ts";

/** One subscriber's counts since its last write. */
export interface Counted {
  readonly dead: number;
  readonly duplicates: number;
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
    ready, unacknowledged, oldest_ms, rates_age_ms, subscribers)
  select minute.at, 60, counts.stored, $1::bigint, $2::bigint,
    counts.stored + ${counted} + ${found(3)} + ${found(4)} - before.ready - before.unacknowledged,
    ${found(3)}, ${found(4)}, ${found(5)}, ${found(6)}, ${found(7, "integer")}
  from (select date_trunc('minute', now()) - interval '1 minute' as at) as minute
    cross join lateral (
      select coalesce(sum(events), 0) as stored from event_counts_now
      where second >= minute.at and second < minute.at + interval '1 minute'
    ) as counts
    left join history as before on before.at = minute.at - interval '1 minute' and before.step_seconds = 60
  on conflict (at, step_seconds) do update set dead = kept.dead + excluded.dead,
    duplicates = kept.duplicates + excluded.duplicates,
    arrived = kept.arrived + excluded.dead + excluded.duplicates
    where excluded.dead + excluded.duplicates > 0`;

/** @throws errors of Postgres; an unanswered write may have taken effect */
export async function writeMinute(database: Pick<Database, "query">, counted: Counted, found: Found): Promise<void> {
  const { ready, unacknowledged, oldestMs, ratesAgeMs, subscribers } = found;
  const values = [counted.dead, counted.duplicates, ready, unacknowledged, oldestMs, ratesAgeMs, subscribers];
  await database.query(write, values.map((value) => value === null ? "" : String(Math.round(value))));
}

/** @throws errors of Postgres */
export async function compactHistory(database: Pick<Database, "query">): Promise<void> {
  await database.query("select compact_history()", []);
}

/** Takes the maximum of the values found at one moment, so that a minute's spike stays visible in an hour. */
const read = `
  select extract(epoch from date_bin($1::int * interval '1 second', at, '2000-01-01Z'))::bigint, sum(step_seconds),
    sum(stored), sum(dead), sum(duplicates), case when count(arrived) = count(*) then greatest(sum(arrived), 0) end,
    max(ready), max(unacknowledged), max(oldest_ms), max(rates_age_ms), min(subscribers)
  from history where at >= now() - $2::int * interval '1 second'
  group by 1 order by 1`;

/** Returns the points, oldest first. @throws errors of Postgres */
export async function readHistory(
  database: Pick<Database, "query">,
  { stepSeconds, spanSeconds }: { readonly stepSeconds: number; readonly spanSeconds: number },
): Promise<HistoryPoint[]> {
  const rows = await database.query(read, [String(stepSeconds), String(spanSeconds)]);
  return rows.map((row) => {
    const [at, seconds, stored, dead, duplicates] = row.map(Number) as [number, number, number, number, number];
    const [arrived, ready, unacknowledged, oldest, ratesAge, subscribers] = row.slice(5).map(numberOrNull) as Six;
    return {
      ...{ at: new Date(at * 1_000).toISOString(), seconds, stored, dead, duplicates, arrived, ready, unacknowledged },
      ...{ oldest_ms: oldest, rates_age_ms: ratesAge, subscribers },
    };
  });
}

type Known = number | null;
type Six = [Known, Known, Known, Known, Known, Known];

function numberOrNull(text: string | null): Known {
  return text === null ? null : Number(text);
}
