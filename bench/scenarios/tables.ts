/** The tables' share: storing into tables that already hold millions of events, and loading rows without a broker. */
import { delay } from "../../tools/services/server.ts";
import { type Environment, longestQueryMs } from "../environment.ts";
import { percentile } from "../results.ts";
import { consumeWithOurs, type Figures, oneSubscriber, startSubscribers } from "./consume.ts";
import { cpuMsOf } from "../program.ts";
import { Session } from "../../shared/postgres/session.ts";

/**
 * Copies the stored events under new ids until there are `rows`. The ids' times follow the order of the copies, as if
 * the events had arrived one after another.
 */
export async function growTo(environment: Environment, rows: number): Promise<void> {
  const { sql } = environment;
  const first = await environment.rows();
  for (let stored = first; stored < rows;) {
    const more = Math.min(first, rows - stored);
    await sql.query(
      `insert into events select
        (lpad(to_hex(1577836800000 + $1::bigint + row_number() over (order by message_id)), 12, '0')
          || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
        event_id, player_id, game_id, amount, amount_eur, created_at, rates_as_of, player_last_signed_in_at, stored_at,
        has_won, type, currency, rate, player_email, description, subscriber_id
      from (select * from events limit $2) as copied`,
      [stored, more],
    );
    stored += more;
  }
  await sql.query("vacuum analyze events");
}

/** @param seed must differ between runs on the same table */
export async function consumeOnTop(environment: Environment, seed: number): Promise<Figures> {
  const figures = await consumeWithOurs(environment, { load: oneSubscriber, keep: true, seed });
  const { bytesPerEvent } = await environment.sql.one<{ bytesPerEvent: number }>(
    `select (select sum(pg_total_relation_size(relid)) from pg_partition_tree('events'))::float8 / count(*)
       as "bytesPerEvent" from events`,
  );
  return { ...figures, bytesPerEvent };
}

/** A rate below the limit for one address. */
const [asks, everyMs] = [600, 25] as const;

/** The latency of `GET /materialized`. */
export async function askMaterialized(environment: Environment): Promise<Figures> {
  await using subscribers = await startSubscribers(environment, 1);
  const { url } = JSON.parse(await subscribers.first.until("http.ready"));
  const tookMs: number[] = [];
  for (let asked = 0; asked < asks; asked++) {
    const begun = performance.now();
    const response = await fetch(`${url}/materialized`);
    await response.json();
    if (!response.ok) throw new Error(`GET /materialized gave ${response.status}`);
    tookMs.push(performance.now() - begun);
    await delay(everyMs);
  }
  await subscribers.stop();
  tookMs.sort((a, b) => a - b);
  return { p50Ms: percentile(tookMs, 50), p99Ms: percentile(tookMs, 99), maxMs: tookMs.at(-1)! };
}

/** The fastest of the variants tried: the server or psql reads the files, text or binary, in 1 to 3 sessions. */
const [sessions, format] = [2, "binary"];

const columns = "message_id, event_id, player_id, game_id, amount, amount_eur, created_at, rates_as_of, " +
  "player_last_signed_in_at, has_won, type, currency, rate, player_email, description, subscriber_id";

/**
 * Stores the same rows in the same tables by the fastest means that Postgres has: the lower bound of its cost. The
 * server reads the rows from files, in sessions opened in advance, so that no client costs anything.
 *
 * Loads what is stored: a scenario that stores events must run just before.
 */
export async function loadRows(environment: Environment): Promise<Figures> {
  const folder = await Deno.makeTempDir({ prefix: "casino-bench-" });
  await Deno.chmod(folder, 0o777);
  const open = Array.from(
    { length: sessions },
    () => new Session(environment.superuserUrl, { name: "casino-bench load", timeoutMs: longestQueryMs }),
  );
  try {
    const events = await environment.rows();
    const share = Math.floor(events / sessions);
    await Promise.all(open.map((sql, n) => {
      const limit = n === sessions - 1 ? "" : `limit ${share}`;
      const rows = `select ${columns} from events order by message_id offset ${share * n} ${limit}`;
      return sql.query(`copy (${rows}) to '${folder}/${n}' (format ${format})`);
    }));
    await environment.reset();
    const pid = await environment.pidOf("postgres");
    const [before = NaN] = cpuMsOf([pid]);
    const begun = performance.now();
    await Promise.all(
      open.map((sql, n) => sql.query(`copy events (${columns}) from '${folder}/${n}' (format ${format})`)),
    );
    await open[0]!.query(totals);
    const seconds = (performance.now() - begun) / 1000;
    const [after = NaN] = cpuMsOf([pid]);
    await environment.check(events);
    return { eventsPerSecond: events / seconds, postgresCpuUs: (after - before) * 1000 / events };
  } finally {
    for (const sql of open) await sql.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const totals = `
  with totalled as (
    insert into player_totals (player_id, bets, wins, deposits_eur)
    select player_id, count(*) filter (where type = 'bet'), count(*) filter (where has_won),
      coalesce(sum(amount_eur) filter (where type = 'deposit'), 0)
    from events where type in ('bet', 'deposit') group by 1
  )
  insert into event_counts (second, subscriber_id, events)
  select date_trunc('second', stored_at), subscriber_id, count(*) from events group by 1, 2`;
