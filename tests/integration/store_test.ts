/** The conformance suite on Postgres, and the totals of the stored events. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { seededRandom } from "../../shared/runtime/random.ts";
import { systemClock } from "../../shared/runtime/clock.ts";
import { type Database, DatabasePool } from "../../shared/postgres/pool.ts";
import type { Session } from "../../shared/postgres/session.ts";
import { testStore } from "../conformance/store.ts";
import { withTestSchema } from "../servers/test_schema.ts";
import { compact, findLeaders } from "../../subscriber/store/compact.ts";
import { fold } from "../../subscriber/store/fold.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { bet, deposit, enriched, gameStart } from "../fixtures/deliveries.ts";
import { readTotals } from "../../subscriber/metrics/materialized.ts";
import { lasting, materializedBySql } from "../servers/materialized_by_sql.ts";

async function withDatabase(use: (database: Database, sql: Session) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const pool = new DatabasePool(url, { name: "casino-test", max: 4, timeoutMs: 10_000, clock: systemClock });
    await use(pool, sql).finally(() => pool.close());
  });
}

testStore({ name: "Postgres", withDatabase });

async function answered(database: Database): Promise<object> {
  return lasting((await readTotals(database)).materialized);
}

Deno.test("readTotals() returns no leaders without events, nor after games alone", async () => {
  await withDatabase(async (database) => {
    const nobody = { top_player_bets: null, top_player_wins: null, top_player_deposits: null };
    const nothing = { events_total: 0, events_per_minute: 0, events_per_second_moving_average: 0 };
    deepStrictEqual(await readTotals(database), {
      ...{ materialized: { ...nothing, ...nobody }, eventsLastSecond: 0, lagSeconds: 0 },
    });
    await new PostgresStore(database, "s").save([enriched(gameStart())]);
    deepStrictEqual(await answered(database), { events_total: 1, ...nobody });
    await new PostgresStore(database, "s").save([enriched(bet({ playerId: 12n }))]);
    const { top_player_bets, top_player_wins } = (await readTotals(database)).materialized;
    deepStrictEqual([top_player_bets, top_player_wins], [{ id: 12, count: 1 }, null]);
  });
});

Deno.test("readTotals() equals SQL over the events of all subscribers, also while old counts are compacted", async () => {
  await withDatabase(async (database, sql) => {
    const random = seededRandom(7);
    const stores = ["a", "b", "it's c"].map((id) => new PostgresStore(database, id));
    for (let round = 0; round < 12; round++) {
      await Promise.all(
        stores.map((store) => {
          const playerId = () => BigInt(random.int(-3, 8) || 9);
          const batch = Array.from({ length: random.int(1, 40) }, () =>
            enriched(
              random.next() < 0.3
                ? deposit({ playerId: playerId(), amount: BigInt(random.int(1, 500)) })
                : bet({ playerId: playerId(), hasWon: random.next() < 0.4 }),
            ));
          return store.save(batch).then(() => {});
        }).concat(
          round % 3 === 2 ? [compact(database), compact(database)] : [],
          round % 2 === 1 ? [fold(database).then(() => {}), fold(database).then(() => {})] : [],
        ),
      );
      deepStrictEqual(await answered(database), await materializedBySql(sql));
      // As if hours had passed.
      await sql.query(
        "update event_counts set second = second - $1 * interval '1 hour' where second > now() - interval '1 hour'",
        [round + 1],
      );
    }
    deepStrictEqual(await answered(database), await materializedBySql(sql));
    strictEqual(await fold(database), true);
    deepStrictEqual(await sql.one("select count(*)::int as batches from batch_totals"), { batches: 0 });
    await compact(database);
    deepStrictEqual(await answered(database), await materializedBySql(sql));
    const rows = await sql.one(`select (select count(*)::int from event_counts) as counts,
      (select count(*)::int from player_leaders) as leaders`);
    deepStrictEqual(rows, { counts: 1, leaders: 1 });
  });
});

Deno.test("readTotals() returns numbers beyond 2^53 and the lowest player id exactly", async () => {
  await withDatabase(async (database) => {
    const store = new PostgresStore(database, "s");
    await store.save([enriched(deposit({ playerId: -(2n ** 63n), amount: 2n ** 62n }))]);
    await store.save([enriched(deposit({ playerId: -(2n ** 63n), amount: 2n ** 62n + 1n }))]);
    deepStrictEqual((await readTotals(database)).materialized.top_player_deposits, {
      id: "-9223372036854775808",
      count: "9223372036854775809",
    });
  });
});

Deno.test("readTotals() counts the last 60 s, and the last complete second", async () => {
  await withDatabase(async (database, sql) => {
    await sql.query(`insert into event_counts (second, subscriber_id, events) values
      (date_trunc('second', now()) - interval '2 minutes', 'a', 1000),
      (date_trunc('second', now()) - interval '30 seconds', 'a', 100),
      (date_trunc('second', now()) - interval '30 seconds', 'b', 20)`);
    const { materialized } = await readTotals(database);
    deepStrictEqual(
      [materialized.events_total, materialized.events_per_minute, materialized.events_per_second_moving_average],
      [1120, 120, 2],
    );
  });
});

Deno.test("readTotals() reports a steady rate for a steady stream, at any phase of a second", async () => {
  await withDatabase(async (database, sql) => {
    const begun = await sql.one<{ seconds: number }>(`
      with stored as (
        insert into event_counts (second, subscriber_id, events)
        select date_trunc('second', now()) - n * interval '1 second', 'a', 300 from generate_series(1, 600) as n
        union all select date_trunc('second', now()), 'a', 300 * (extract(epoch from now()) % 1)
      ) select extract(epoch from now())::float8 as seconds`);
    const { events_per_minute } = (await readTotals(database)).materialized;
    const ended = await sql.one<{ seconds: number }>("select extract(epoch from now())::float8 as seconds");
    // No more events arrive, so those that left the minute before the read are missing.
    const least = 18_000 - 300 * (ended.seconds - begun.seconds);
    strictEqual(
      events_per_minute >= least - 2 && events_per_minute <= 18_002,
      true,
      `${events_per_minute}, not ${least}`,
    );
  });
});

Deno.test("findLeaders() finds new leaders while a subscriber of the previous version works", async () => {
  await withDatabase(async (database, sql) => {
    await new PostgresStore(database, "new").save([
      enriched(bet({ playerId: 4n })),
      enriched(deposit({ playerId: 5n })),
    ]);
    await fold(database);
    await sql.query("update player_totals set bets = 7, deposits_eur = 8 where player_id = 5");
    await findLeaders(database);
    const { top_player_bets, top_player_deposits } = (await readTotals(database)).materialized;
    deepStrictEqual([top_player_bets, top_player_deposits], [{ id: 5, count: 7 }, { id: 5, count: 10_000 }]);
  });
});

Deno.test("the migration that adds player_leaders finds the existing leaders", async () => {
  await withDatabase(async (database, sql) => {
    await new PostgresStore(database, "s").save([enriched(bet({ playerId: 4n })), enriched(deposit({ playerId: 5n }))]);
    await fold(database);
    const before = await answered(database);
    await sql.query("delete from player_leaders");
    const { default: Migration } = await import("../../migrations/20261124000000_create_player_leaders.ts");
    const client = { queryArray: (text: string) => sql.query(text) };
    const migration = new Migration({ client, dialect: "pg" } as never);
    const info = { dialect: "pg" } as never;
    await migration.down(info);
    await migration.up(info);
    deepStrictEqual(await answered(database), before);
    strictEqual((before as { top_player_bets: { id: number } }).top_player_bets.id, 4);
  });
});
