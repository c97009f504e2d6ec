/** The partitions of weeks that are old, and how one of them leaves the table. */
import type { Session } from "../../shared/postgres/session.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { messageOf, sqlStateOf } from "../../shared/runtime/errors.ts";

/** Events of a week, or of EVENTS_PARTITION_DAYS. */
export interface Week {
  readonly table: string;
  /** RFC 3339; of one that is detached already, nothing is left to tell it. */
  readonly until: string | null;
  /** As Postgres estimates it. */
  readonly rows: number;
  readonly bytes: number;
  /** An earlier run has detached it, and was cut off. */
  readonly detached: boolean;
}

/** On tables that a run is about to detach: those of an operator are none of ours. */
const mark = "Detached by deno task retention, which will drop it";
/** A batch waits so long at most. */
const lockTimeout = "2s";
const lockTries = 10;
const pauseMs = 3_000;
/** SQLSTATE lock_not_available. */
const lockTimedOut = "55P03";

const bound = (which: "FROM" | "TO") => `substring(pg_get_expr(relpartbound, oid) from '${which} \\(''([0-9a-f-]+)''')`;
const upper = `time_of_event_id(${bound("TO")}::uuid)`;
const shown = `relname as table, greatest(reltuples, 0)::float8 as rows, pg_total_relation_size(oid)::float8 as bytes`;
const isWeek = "relname ~ '^events_\\d{8}$'";
const isForeign = "substr(message_id::text, 15, 1) <> '7'";
/** From the end of what is before all weeks to the first of those that are there. */
const hole = `select
  (select ${bound("TO")} from pg_class where oid = to_regclass('events_before')),
  (select min(${bound("FROM")} collate "C") from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'events'::regclass and (${isWeek} or relname = 'events_ahead'))`;

/** The oldest first; those that are detached already before the others. */
export async function findOldWeeks(sql: Session, days: number): Promise<Week[]> {
  return await sql.query<Week & { readonly until: string | null }>(
    `select ${shown}, null as until, true as detached from pg_class
     where relnamespace = current_schema()::regnamespace and relkind = 'r' and not relispartition
       and obj_description(oid, 'pg_class') = $1
     union all
     select ${shown}, to_char(${upper} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), false
     from pg_inherits join pg_class on oid = inhrelid
     where inhparent = 'events'::regclass and ${isWeek} and ${upper} <= now() - $2::integer * interval '24 hours'
     order by detached desc, 1`,
    [mark, days],
  );
}

export async function isPartitioned(sql: Session): Promise<boolean> {
  const { kind } = await sql.one<{ kind: string }>(
    "select relkind as kind from pg_class where oid = 'events'::regclass",
  );
  return kind === "p";
}

/** For the whole run. @returns whether no other run is at work */
export async function holdRetention(sql: Session): Promise<boolean> {
  await sql.query(`set lock_timeout = '${lockTimeout}'; set timezone = 'UTC'`);
  const { held } = await sql.one<{ held: boolean }>(
    "select pg_try_advisory_lock(hashtextextended(current_schema() || '.event_retention', 0)) as held",
  );
  return held;
}

/**
 * Batches do not wait for it.
 * @throws after ten tries, when sessions at work have the table all the while
 */
export async function detach(sql: Session, { table }: Week, clock: Clock): Promise<void> {
  await sql.query(`comment on table ${table} is '${mark}'`);
  await untilLocked(clock, async () => {
    await finishDetaching(sql);
    const { attached } = await sql.one<{ attached: boolean }>(
      `select relispartition as attached from pg_class where oid = '${table}'::regclass`,
    );
    if (attached) await sql.query(`alter table events detach partition ${table} concurrently`);
  });
}

/** A detachment that was cut off, or timed out, is half done: Postgres begins no other until it is finished. */
async function finishDetaching(sql: Session): Promise<void> {
  const pending = await sql.query<{ name: string }>(
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'events'::regclass and inhdetachpending",
  );
  for (const { name } of pending) await sql.query(`alter table events detach partition ${name} finalize`);
}

/**
 * Drops a table that is detached. Ids of its time are refused from then on, for nobody knows any more which were stored. Rows
 * under ids that are no UUIDv7 may be of any time, and stay: they are read before the lock, which batches wait for.
 * @throws as {@linkcode detach} does
 */
export async function drop(sql: Session, { table }: Week, clock: Clock): Promise<void> {
  await untilLocked(clock, () =>
    sql.transaction(async (ask) => {
      const [[gone]] = await ask("select to_regclass('events_gone') is not null") as [[boolean]];
      await ask(`create table events_kept as select * from ${table} where ${isForeign}`);
      if (!gone) {
        await ask(`create table events_gone (like events including all,
          constraint events_id_forgotten check (${isForeign}))`);
      }
      // First the one that a vacuum may have.
      await ask(`lock table ${table} in access exclusive mode`);
      await ask("lock table events in access exclusive mode");
      if (gone) await ask("alter table events detach partition events_gone");
      await ask("insert into events_gone select * from events_kept");
      const [[since, until]] = await ask(hole) as [[string, string]];
      await ask(`alter table events attach partition events_gone for values from ('${since}') to ('${until}')`);
      await ask(`drop table events_kept; drop table ${table}`);
    }));
}

async function untilLocked<T>(clock: Clock, act: () => Promise<T>): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await act();
    } catch (error) {
      if (sqlStateOf(error) !== lockTimedOut) throw error;
      if (tries < lockTries) await clock.sleep(pauseMs);
      else {
        throw new Error(`Sessions at work had the table in ${lockTries} tries; run it again: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
  }
}
