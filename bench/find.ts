/**
 * Measures what finding events costs: the time of a COPY with and without the indexes for it, in turns, and the time of
 * a find over 1,000,000 rows. `deno run -A bench/find.ts [TURNS]`, on running servers.
 */
import { DatabasePool } from "../shared/postgres/pool.ts";
import type { Session } from "../shared/postgres/session.ts";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import { find } from "../subscriber/find/find.ts";
import { type FindWords, parseFind } from "../subscriber/find/query.ts";
import { MemoryFleet } from "../subscriber/metrics/fleet/memory_fleet.ts";
import { withTestSchema } from "../tests/servers/test_schema.ts";

const [rows, added, turns, finds] = [1_000_000, 100_000, Number(Deno.args[0] ?? 7), 300];

const found =
  `using brin (created_at, event_id int8_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.001))
  with (pages_per_range = 32)`;
const columns = `message_id, event_id, player_id, game_id, amount, amount_eur, created_at, rates_as_of,
  player_last_signed_in_at, stored_at, has_won, type, currency, rate, player_email, description, subscriber_id`;
/** Indexes in addition to those that every table of events has. */
const variants: Readonly<Record<string, string>> = {
  none: "select 1",
  "brin (ours)": `create index on TABLE ${found}`,
  "b-tree on event_id": "create index on TABLE (event_id)",
  "b-trees on event_id and player": "create index on TABLE (event_id); create index on TABLE (player_id, created_at)",
};

/** Message ids in order of time, event ids in no order, a million players. */
const eventsFrom = (first: number, count: number) => `
  select (lpad(to_hex(1700000000000 + g / 10), 12, '0') || '7' || lpad(to_hex(g % 4096), 3, '0') || 'a' ||
      substr(md5(g::text), 1, 15))::uuid as message_id,
    hashint8extended(g, 0) as event_id, hashint8extended(g, 1) & 1048575 as player_id, 7 as game_id, 500 as amount, 467 as amount_eur,
    to_timestamp(1700000000 + g / 10000.0) as created_at, to_timestamp(1700000000) as rates_as_of,
    to_timestamp(1699000000) as player_last_signed_in_at, to_timestamp(1700000001 + g / 10000) as stored_at,
    null::boolean as has_won, 'bet' as type, 'USD' as currency, 1.0705 as rate, 'player@example.com' as player_email,
    'Player #' || g % 100000 || ' (player@example.com) has placed a bet of 5 USD (4.67 EUR) on a game #7.' as description,
    'subscriber-a-1234' as subscriber_id
  from generate_series(${first}::bigint, ${first + count - 1}::bigint) as g`;

await withTestSchema(async (sql, url) => {
  await timeCopies(sql);
  await timeFinds(sql, url);
});

async function timeCopies(sql: Session): Promise<void> {
  const names = Object.keys(variants);
  const times = names.map(() => [] as number[]);
  await sql.query("create unlogged table batch as select * from events limit 0");
  for (const [n, indexes] of Object.values(variants).entries()) {
    await sql.query(`create table rows_${n} (like events including defaults including constraints);
      alter table rows_${n} add primary key (message_id);
      create index on rows_${n} using brin (stored_at);
      ${indexes.replaceAll("TABLE", `rows_${n}`)};
      insert into rows_${n} (${columns}) ${eventsFrom(1, rows / 2)}`);
    await sql.query(`vacuum analyze rows_${n}`);
  }
  for (let turn = 0; turn < turns; turn++) {
    await sql.query(`truncate batch; insert into batch (${columns}) ${eventsFrom(rows + turn * added, added)}`);
    const order = names.map((_, n) => n);
    for (const n of turn % 2 === 0 ? order : order.toReversed()) {
      const start = performance.now();
      await sql.query(`insert into rows_${n} select * from batch`);
      times[n]!.push((performance.now() - start) * 1000 / added);
    }
  }
  const base = times[0]!;
  for (const [n, name] of names.entries()) {
    const ratios = times[n]!.map((time, turn) => time / base[turn]!);
    console.log(
      `${name}: ${median(times[n]!).toFixed(2)} µs a row, ${median(ratios).toFixed(3)} of none's (${
        ratios.map((r) => r.toFixed(2)).join(" ")
      })`,
    );
  }
  for (const n of names.keys()) await sql.query(`drop table rows_${n}`);
}

async function timeFinds(sql: Session, url: string): Promise<void> {
  await sql.query(`insert into events (${columns}) ${eventsFrom(1, rows)}`);
  const database = new DatabasePool(url, { name: "casino-bench", max: 2, timeoutMs: 60_000, clock });
  const sources = {
    ...{ database, clock, fleet: new MemoryFleet(clock), newId: () => crypto.randomUUID() },
    queues: () => Promise.resolve([]),
  };
  const samples = await sql.query<{ message_id: string; event_id: string; player_id: string; at: string }>(
    `select message_id, event_id, player_id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') as at
     from events tablesample system (5) limit ${finds}`,
  );
  const words: Readonly<Record<string, (sample: (typeof samples)[number]) => FindWords>> = {
    "message id": ({ message_id: id }) => ({ id }),
    "event id": ({ event_id: id }) => ({ id }),
    "an id that is nowhere": ({ event_id: id }) => ({ id: String(BigInt(id) / 3n) }),
    "player and time": ({ player_id: player, at }) => ({ player, at, within: "10s" }),
  };
  for (const state of ["not vacuumed yet", "vacuumed"]) {
    for (const [name, wordsOf] of Object.entries(words)) {
      const times: number[] = [];
      for (const sample of samples.slice(0, state === "vacuumed" ? finds : 30)) {
        const start = performance.now();
        const { events } = await find(parseFind(wordsOf(sample)), sources);
        times.push(performance.now() - start);
        if (events.length === 0 && !name.includes("nowhere")) throw new Error(`${name}: not found`);
      }
      times.sort((one, other) => one - other);
      const [p50, p99] = [0.5, 0.99].map((share) =>
        times[Math.min(times.length - 1, Math.floor(times.length * share))]!
      );
      console.log(`${rows} rows, ${state}, by ${name}: p50 ${p50!.toFixed(1)} ms, p99 ${p99!.toFixed(1)} ms`);
    }
    if (state !== "vacuumed") await sql.query("vacuum events");
  }
  await database.close();
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)]!;
}
