/**
 * Measures what finding events costs: the time of a COPY with and without the indexes for it, in turns, and the time of
 * a find over 1,000,000 rows. `deno run -A bench/find.ts [TURNS]`, on running servers.
 */
import type { Session } from "../shared/postgres/session.ts";
import { withTestSchema } from "../tests/servers/test_schema.ts";
import { columns, eventsFrom, timeFinds } from "./scenarios/years.ts";

const [rows, added, turns] = [1_000_000, 100_000, Number(Deno.args[0] ?? 7)];

const found =
  `using brin (created_at, event_id int8_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.001))
  with (pages_per_range = 32)`;
/** Indexes in addition to those that every table of events has. */
const variants: Readonly<Record<string, string>> = {
  none: "select 1",
  "brin (ours)": `create index on TABLE ${found}`,
  "b-tree on event_id": "create index on TABLE (event_id)",
  "b-trees on event_id and player": "create index on TABLE (event_id); create index on TABLE (player_id, created_at)",
};

await withTestSchema(async (sql, url) => {
  await timeCopies(sql);
  await sql.query(`insert into events (${columns}) ${eventsFrom(1, rows)}`);
  for (const state of ["not vacuumed yet", "vacuumed"]) {
    for (const [name, { p50Ms, p99Ms }] of Object.entries(await timeFinds(sql, url, 5))) {
      console.log(`${rows} rows, ${state}, by ${name}: p50 ${p50Ms!.toFixed(1)} ms, p99 ${p99Ms!.toFixed(1)} ms`);
    }
    if (state !== "vacuumed") await sql.query("vacuum events");
  }
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

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)]!;
}
