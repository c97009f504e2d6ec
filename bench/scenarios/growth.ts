/** The same load into a table that is empty, and into tables that hold millions of events already. */
import { delay } from "../../tools/services/server.ts";
import type { Environment } from "../environment.ts";
import { percentile } from "../statistics.ts";
import { consumeWithOurs, type Figures, oneSubscriber, startSubscribers } from "./consume.ts";

/**
 * Stores copies of what is stored until there are `rows`, under ids of their own: as old as their place in the table,
 * as if they had come one after the other.
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

/** @param seed another one for each run on the same table */
export async function consumeOnTop(environment: Environment, seed: number): Promise<Figures> {
  const figures = await consumeWithOurs(environment, { load: oneSubscriber, keep: true, seed });
  const { bytesPerEvent } = await environment.sql.one<{ bytesPerEvent: number }>(
    `select pg_total_relation_size('events')::float8 / count(*) as "bytesPerEvent" from events`,
  );
  return { ...figures, bytesPerEvent };
}

/** Fewer a second than one address may make. */
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
