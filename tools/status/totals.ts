import type { Clock } from "../../shared/runtime/clock.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { readTotals } from "../../subscriber/metrics/materialized.ts";
import { Kept } from "./lazy_connection.ts";
import type { Reader, Totals } from "./status.ts";

const timeoutMs = 4_000;

/** In the same 60 s as the sums of {@linkcode readTotals}. */
const bySubscriber = `
  select subscriber_id, sum(events) as stored from event_counts
  where second > date_trunc('second', now()) - interval '60 seconds'
  group by subscriber_id order by stored desc, subscriber_id limit 20`;

/** What `GET /materialized` tells, and which subscribers had a part in it. */
export function totalsReader({ DATABASE_URL: url }: Pick<Config, "DATABASE_URL">, clock: Clock): Reader<Totals> {
  const kept = new Kept<DatabasePool>({
    ...{ server: "Postgres", url, clock },
    open: () => Promise.resolve(new DatabasePool(url, { name: "casino-status", max: 2, timeoutMs, clock })),
    close: (database) => database.close(),
  });
  return { read: () => kept.ask(read), close: () => kept.close() };
}

async function read(database: DatabasePool): Promise<Totals> {
  try {
    const [{ materialized }, rows] = await Promise.all([readTotals(database), database.query(bySubscriber, [])]);
    const subscribers = rows.map(([id, stored]) => ({ id: id ?? "", events_per_minute: Number(stored) }));
    return { ...materialized, subscribers };
  } catch (error) {
    const { code } = error as { code?: string };
    throw Object.assign(new Error(explainStoreError(error)), code !== undefined && { code });
  }
}
