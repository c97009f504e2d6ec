/** Tables that hold two years of events, in a partition for each week. */
import { DatabasePool } from "../../shared/postgres/pool.ts";
import type { Session } from "../../shared/postgres/session.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { never } from "../../shared/runtime/deadline.ts";
import { find } from "../../subscriber/find/find.ts";
import { type FindWords, parseFind } from "../../subscriber/find/query.ts";
import { MemoryFleet } from "../../subscriber/metrics/fleet/memory_fleet.ts";
import { findMissingIndexes, makeIndexes } from "../../tools/retention/indexes.ts";
import { withoutPartitions } from "../../tests/servers/test_schema.ts";
import { type Environment, longestQueryMs } from "../environment.ts";
import { percentile } from "../results.ts";
import type { Figures } from "./consume.ts";

const weeks = 104;
const weekMs = 7 * 24 * 3_600_000;

export const columns = `message_id, event_id, player_id, game_id, amount, amount_eur, created_at, rates_as_of,
  player_last_signed_in_at, stored_at, has_won, type, currency, rate, player_email, description, subscriber_id`;

/**
 * Returns a query of events with message ids in the order of time, event ids in no order, and a million players.
 * @param ms SQL: when the event `g` was published, in ms since 1970
 */
export function eventsFrom(first: number, count: number, ms = "1700000000000 + g / 10"): string {
  return `
  select (lpad(to_hex((${ms})::bigint), 12, '0') || '7' || lpad(to_hex(g % 4096), 3, '0') || 'a' ||
      substr(md5(g::text), 1, 15))::uuid as message_id,
    hashint8extended(g, 0) as event_id, hashint8extended(g, 1) & 1048575 as player_id, 7 as game_id, 500 as amount,
    467 as amount_eur, to_timestamp((${ms}) / 1000.0) as created_at, to_timestamp(1700000000) as rates_as_of,
    to_timestamp(1699000000) as player_last_signed_in_at, to_timestamp((${ms}) / 1000.0 + 1) as stored_at,
    null::boolean as has_won, 'bet' as type, 'USD' as currency, 1.0705 as rate, 'player@example.com' as player_email,
    'Player #' || g % 100000 || ' (player@example.com) has placed a bet of 5 USD (4.67 EUR) on a game #7.' as description,
    'subscriber-a-1234' as subscriber_id
  from generate_series(${first}::bigint, ${first + count - 1}::bigint) as g`;
}

/** Stores `rows` events, evenly spread over the weeks of the last two years, as `deno task retention --maintain` keeps them. */
export async function fillYears(environment: Environment, rows: number): Promise<void> {
  const { sql } = environment;
  const { since } = await sql.one<{ since: number }>(
    `select (extract(epoch from date_trunc('week', now() at time zone 'UTC')) * 1000)::float8 - ${
      weeks * weekMs
    } as since`,
  );
  await sql.query(`${withoutPartitions} select partition_events(to_timestamp(${since / 1000}))`);
  const aWeek = Math.floor(rows / weeks);
  const perMs = aWeek / weekMs;
  for (let week = 0; week < weeks; week++) {
    const [first, count] = [week * aWeek, week === weeks - 1 ? rows - week * aWeek : aWeek];
    const ms = `${since + week * weekMs} + least(floor((g - ${first}) / ${perMs}), ${weekMs - 1})`;
    await sql.query(`insert into events (${columns}) ${eventsFrom(first, count, ms)}`);
  }
  const always = { stop: never, say: () => {} };
  await makeIndexes(sql, await findMissingIndexes(sql), always, []);
  await sql.query("vacuum analyze events");
}

const finds = 300;

const waysToFind: Readonly<Record<string, (sample: Readonly<Record<string, string>>) => FindWords>> = {
  "message id": ({ message_id: id }) => ({ id: id! }),
  "event id": ({ event_id: id }) => ({ id: id! }),
  "an id that is nowhere": ({ event_id: id }) => ({ id: String(BigInt(id!) / 3n) }),
  "player and time": ({ player_id: player, at }) => ({ player: player!, at: at!, within: "10s" }),
};

/** Returns the latency of a find, by kind of query. @param share percentage of the table to sample */
export async function timeFinds(sql: Session, url: string, share: number): Promise<Record<string, Figures>> {
  const database = new DatabasePool(url, { name: "casino-bench", max: 2, timeoutMs: longestQueryMs, clock });
  const sources = {
    ...{ database, clock, fleet: new MemoryFleet(clock), newId: () => crypto.randomUUID() },
    queues: () => Promise.resolve([]),
  };
  const samples = await sql.query<Record<string, string>>(
    `select message_id, event_id, player_id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') as at
     from events tablesample system (${share}) order by random() limit ${finds}`,
  );
  const figures: Record<string, Figures> = {};
  for (const [name, wordsOf] of Object.entries(waysToFind)) {
    const tookMs: number[] = [];
    for (const sample of samples) {
      const begun = performance.now();
      const { events } = await find(parseFind(wordsOf(sample)), sources);
      tookMs.push(performance.now() - begun);
      if (events.length === 0 && !name.includes("nowhere")) throw new Error(`${name}: not found`);
    }
    tookMs.sort((a, b) => a - b);
    figures[name] = { p50Ms: percentile(tookMs, 50), p99Ms: percentile(tookMs, 99), maxMs: tookMs.at(-1)! };
  }
  await database.close();
  return figures;
}
