/** The history on Postgres: what subscribers write for each minute, how it is compacted, and how it is read. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { systemClock } from "../../shared/runtime/clock.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { Overview } from "../../subscriber/dashboard/answers.ts";
import { HistoryWriter } from "../../subscriber/metrics/history/keep_history.ts";
import {
  compactHistory,
  type Found,
  readHistory,
  writeMinute,
} from "../../subscriber/metrics/history/history_table.ts";
import { withTestSchema } from "../servers/test_schema.ts";

async function withHistory(use: (pool: DatabasePool, sql: Session) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const pool = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 5_000, clock: systemClock });
    await use(pool, sql).finally(() => pool.close());
  });
}

const found: Found = { ready: 300, unacknowledged: 50, oldestMs: 1_200, ratesAgeMs: 19_000, subscribers: 2 };
const nothing = { dead: 0, duplicates: 0, latencies: [0, 0] };

type Rows = ReturnType<DatabasePool["query"]>;

Deno.test("writeMinute() writes shared figures once, and adds what each subscriber counted", async () => {
  await withHistory(async (pool, sql) => {
    const last = "date_trunc('minute', now()) - interval '1 minute'";
    // In one transaction, so that all writes are in one minute.
    await sql.transaction(async (ask) => {
      await ask(`
        insert into event_counts values (${last} - interval '1 second', 7, 'a'), (${last}, 100, 'a'),
          (${last} + interval '59 seconds', 20, 'b'), (${last} + interval '60 seconds', 9, 'b');
        insert into history values (${last} - interval '1 minute', 60, 0, 0, 0, null, 200, 50)`);
      const database = { query: (text: string, values: readonly unknown[]) => ask(text, values as string[]) as Rows };
      await writeMinute(database, { dead: 2, duplicates: 3, latencies: [] }, found);
      await writeMinute(database, { ...nothing, dead: 1 }, { ...found, ready: 9_999, subscribers: 9 });
      await writeMinute(database, nothing, { ...found, ready: 9_999 });
      // A row of a version without latencies gets them, too.
      await writeMinute(database, { ...nothing, latencies: [4, 0, 6, 0] }, found);
      await writeMinute(database, { ...nothing, latencies: [1, 2] }, found);
    });
    const [, row] = await sql.query("select * from history order by at");
    const { at: _, ...figures } = row!;
    deepStrictEqual(figures, {
      ...{ step_seconds: 60, stored: "120", dead: "3", duplicates: "3", arrived: "226", ready: "300" },
      ...{ unacknowledged: "50", oldest_ms: "1200", rates_age_ms: "19000", subscribers: 2 },
      latencies: "{5,2,6}",
    }, "arrived: 126 are settled, and the queue grew by 100");
    await pool.query("truncate history", []);
    await writeMinute(pool, nothing, {
      ready: null,
      unacknowledged: null,
      oldestMs: null,
      ratesAgeMs: null,
      subscribers: null,
    });
    const [{ at: __, seconds, ...unknown }] = await readHistory(pool, { stepSeconds: 60, spanSeconds: 600 }) as [
      Awaited<ReturnType<typeof readHistory>>[0],
    ];
    strictEqual(seconds, 60);
    deepStrictEqual([unknown.arrived, unknown.ready, unknown.oldest_ms, unknown.subscribers], [null, null, null, null]);
    strictEqual(unknown.latency_ms, null);
  });
});

Deno.test("HistoryWriter writes a minute that it could not write before together with the next one", async () => {
  const written: (readonly unknown[])[] = [];
  let away = false;
  const overview = { queue: null, rates: { age_ms: null }, subscribers: [{ state: "working" }, { state: "silent" }] };
  const stats = { duplicates: 2, dead: new Map([["invalid", 3], ["undecodable", 1]] as const) };
  const latencies = { counts: [1, 0] };
  const writer = new HistoryWriter({
    ...{ stats, latencies, overview: () => Promise.resolve(overview as unknown as Overview) },
    database: {
      query: (_, values) => away ? Promise.reject(new Error("away")) : Promise.resolve((written.push(values), [])),
    },
  });
  await writer.round();
  away = true;
  stats.duplicates = 5;
  await rejects(writer.round(), /away/);
  away = false;
  stats.duplicates = 6;
  latencies.counts = [2, 3];
  await writer.round();
  await writer.round();
  const gauges = ["", "", "", "", "1"];
  deepStrictEqual(written, [
    ...[["4", "2", ...gauges, "{1}"], ["0", "4", ...gauges, "{1,3}"], ["0", "0", ...gauges, ""]],
  ]);
});

Deno.test("compactHistory() merges old minutes into quarters of an hour with the same sums, and deletes after 90 days", async () => {
  await withHistory(async (pool, sql) => {
    await sql.query(`
      insert into history
      select at, 60, 10, 1, 2, 13, extract(minute from at), 5, 7, 9, 2,
        -- Every fourth minute is of a version without latencies.
        case extract(minute from at)::int % 4 when 0 then null when 1 then '{1,0,3}' else '{2}' end::bigint[]
      from generate_series(date_trunc('hour', now()) - interval '50 hours',
        date_trunc('hour', now()) - interval '47 hours' - interval '1 minute', interval '1 minute') as at;
      insert into history values (now() - interval '91 days', 900, 1, 0, 0)`);
    const sums = "select sum(stored)::int as stored, sum(arrived)::int as arrived from history where step_seconds = ";
    await compactHistory(pool);
    await compactHistory(pool);
    deepStrictEqual(await sql.one(sums + 900), { stored: 1_200, arrived: 1_560 });
    deepStrictEqual(await sql.one(sums + 60), { stored: 600, arrived: 780 });
    const coarse = await sql.query("select ready::int from history where step_seconds = 900 order by at");
    deepStrictEqual(coarse.map(({ ready }) => ready), [14, 29, 44, 59, 14, 29, 44, 59]);
    const hours = await readHistory(pool, { stepSeconds: 3_600, spanSeconds: 7 * 86_400 });
    deepStrictEqual(hours.map(({ seconds, stored, arrived, ready }) => [seconds, stored, arrived, ready]), [
      ...[[3_600, 600, 780, 59], [3_600, 600, 780, 59], [3_600, 600, 780, 59]],
    ], "alike whichever step they were kept in");
    const latencies = await sql.query("select distinct latencies from history where step_seconds = 900 order by 1");
    deepStrictEqual(latencies.map(({ latencies }) => latencies), ["{18,0,12}", "{19,0,9}", "{20,0,12}"]);
    deepStrictEqual(
      hours.map(({ latency_ms }) => latency_ms),
      Array(3).fill(hours[0]!.latency_ms),
      "counts, not means",
    );
    strictEqual(hours[0]!.latency_ms?.events, 120);
    await sql.query("insert into history select min(at), 60, 0, 0, 0, null, 0, 0, 0, 0, 1, '{5}' from history");
    await compactHistory(pool);
    const late = await sql.one("select latencies, subscribers from history order by at limit 1");
    deepStrictEqual(late, { latencies: "{23,0,12}", subscribers: 1 }, "a minute that came late is added");
  });
});
