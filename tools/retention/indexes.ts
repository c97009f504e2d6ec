/** The indexes by which `deno task find` finds events of weeks that are over. */
import type { Session } from "../../shared/postgres/session.ts";
import { sqlStateOf } from "../../shared/runtime/errors.ts";
import { isWeek, lockTimedOut, lockTimeout, upper } from "./partitions.ts";

/**
 * The block range index that each partition has costs batches hardly anything, and each find a reading of it: 0.7 s for
 * an event id among 100,000,000 events, 7 ms with these (bench/README.md). Nothing but late events writes to a week
 * that is over, so these cost no batch.
 */
const columns = { by_event: "event_id", by_player: "player_id, created_at" } as const;

/** How long after its end a partition may still get many events, such as those that waited for rates or for Postgres. */
const settled = "1 day";

/** Postgres waits for each older transaction while it makes an index beside the writers. */
const patience = "60s";

/** The table and the columns of each index that is missing, or that an interrupted run has left unfinished. */
export interface MissingIndex {
  readonly name: string;
  readonly table: string;
  readonly columns: string;
  readonly unfinished: boolean;
}

export async function findMissingIndexes(sql: Session): Promise<MissingIndex[]> {
  const wanted = Object.entries(columns).map(([name, of]) => `('_${name}', '${of}')`).join(", ");
  return await sql.query<MissingIndex>(
    `select relname || suffix as name, relname as table, columns, made.indexrelid is not null as unfinished
     from pg_inherits join pg_class on oid = inhrelid cross join (values ${wanted}) as wanted (suffix, columns)
       left join pg_index as made on made.indexrelid = to_regclass(quote_ident(relname || suffix)) and made.indrelid = oid
     where inhparent = 'events'::regclass and ${isWeek} and ${upper} < now() - interval '${settled}'
       and made.indisvalid is not true
     order by 1`,
  );
}

/**
 * Makes the indexes, one after the other. Batches do not wait for it.
 * @param made collects the names of the indexes that are there afterwards
 */
export async function makeIndexes(
  sql: Session,
  missing: readonly MissingIndex[],
  { stop, say }: { readonly stop: AbortSignal; readonly say: (sentence: string) => void },
  made: string[],
): Promise<void> {
  await sql.query(`set lock_timeout = '${patience}'`);
  for (const { name, table, columns, unfinished } of missing) {
    if (stop.aborted) break;
    try {
      if (unfinished) await sql.query(`drop index concurrently ${name}`);
      await sql.query(`create index concurrently ${name} on ${table} (${columns})`);
    } catch (error) {
      if (sqlStateOf(error) !== lockTimedOut) throw error;
      say(`A transaction has been open for over ${patience}: ${name} is left to the next run.`);
      break;
    }
    made.push(name);
    say(`Indexed ${table} (${columns}).`);
  }
  await sql.query(`set lock_timeout = '${lockTimeout}'`);
}
