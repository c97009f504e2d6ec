import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { classifyStoreError } from "../shared/errors.ts";
import type { Event } from "../shared/event.ts";
import { systemClock } from "../shared/clock.ts";
import { type Database, DatabasePool } from "../shared/database.ts";
import type { Sql } from "../shared/postgres.ts";
import { withTestSchema } from "../tools/migrate/test_schema.ts";
import { describe } from "./describe.ts";
import type { Enriched } from "./enriched.ts";
import { PostgresPlayers } from "./players.ts";
import { price } from "./price.ts";
import { PostgresStore } from "./store.ts";
import { bet, deposit, gameStart, someRates } from "./testing.ts";
import { isDead } from "./window.ts";

function enriched(event: Event, changes: Partial<Enriched> = {}): Enriched {
  const cost = price(event, someRates);
  if (isDead(cost)) throw new Error(cost.detail);
  const messageId = crypto.randomUUID();
  return {
    messageId,
    event,
    price: cost,
    player: undefined,
    description: describe(event, cost?.eurCents, undefined),
    ...changes,
  };
}

/** A schema of the test's own, and the pool that stores in it. */
async function withDatabase(use: (database: Database, sql: Sql) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const pool = new DatabasePool(url, { name: "casino-test", max: 4, timeoutMs: 10_000, clock: systemClock });
    await use(pool, sql).finally(() => pool.close());
  });
}

async function totalsOf(sql: Sql): Promise<unknown[]> {
  const rows = await sql`select player_id, bets, wins, deposits_eur from player_totals order by player_id`;
  return Array.from(rows, (row) => ({ ...row }));
}

async function countOf(sql: Sql): Promise<unknown> {
  const [row] =
    await sql`select (select count(*)::int from events) as events, (select sum(events)::int from event_counts) as counted`;
  return { ...row };
}

Deno.test("PostgresStore.save() stores every field of an event, exactly", async () => {
  await withDatabase(async (database, sql) => {
    const event = bet({
      id: 2n ** 63n - 1n,
      amount: 1999n,
      hasWon: true,
      createdAt: { seconds: -62_135_596_800, nanos: 999_999_999 },
    });
    const lastSignedInAt = new Date("2022-01-10T12:30:00.123Z");
    const one = enriched(event, {
      player: { email: "d'Artagnan \"\\ {,}@example.com", lastSignedInAt },
      description: 'a "quoted", {braced} \\ sentence',
    });
    strictEqual(await new PostgresStore(database, "subscriber-1").save([one]), 1);
    const [row] = await sql`select *, created_at::text as happened, rates_as_of::text as quoted from events`;
    deepStrictEqual(
      [row?.["message_id"], row?.["event_id"], row?.["player_id"], row?.["game_id"], row?.["type"], row?.["amount"]],
      [one.messageId, "9223372036854775807", "11", "101", "bet", "1999"],
    );
    deepStrictEqual(
      [row?.["currency"], row?.["has_won"], row?.["rate"], row?.["amount_eur"], row?.["subscriber_id"]],
      ["USD", true, "1.0705", "1867", "subscriber-1"],
    );
    deepStrictEqual([row?.["player_email"], row?.["player_last_signed_in_at"]], [one.player?.email, lastSignedInAt]);
    strictEqual(row?.["description"], one.description);
    deepStrictEqual([row?.["happened"], row?.["quoted"]], ["0001-01-01 00:00:00.999999+00", "2024-06-28 14:00:00+00"]);
  });
});

Deno.test("PostgresStore.save() leaves out what does not apply", async () => {
  await withDatabase(async (database, sql) => {
    await new PostgresStore(database, "s").save([enriched(gameStart()), enriched(deposit())]);
    const rows =
      await sql`select game_id, amount, currency, has_won, rate, rates_as_of, amount_eur from events order by type`;
    deepStrictEqual(Array.from(rows, (row) => Object.values(row)), [
      [null, "10000", "EUR", null, null, null, "10000"],
      ["100", null, null, null, null, null, null],
    ]);
  });
});

Deno.test("PostgresStore.save() stores an event once, however often and wherever it is saved, and counts it once", async () => {
  await withDatabase(async (database, sql) => {
    const events = [enriched(bet({ hasWon: true })), enriched(deposit()), enriched(bet())];
    const stores = ["a", "b"].map((id) => new PostgresStore(database, id));
    const saved = [
      ...await Promise.all(stores.map((store) => store.save(events))),
      await stores[0]!.save([...events, events[0]!]),
    ];
    strictEqual(saved.reduce((sum, count) => sum + count, 0), 3);
    deepStrictEqual(await countOf(sql), { events: 3, counted: 3 });
    deepStrictEqual(await totalsOf(sql), [
      { player_id: "11", bets: "2", wins: "1", deposits_eur: "0" },
      { player_id: "12", bets: "0", wins: "0", deposits_eur: "10000" },
    ]);
  });
});

Deno.test("PostgresStore.save() stores nothing of a window with a row that Postgres rejects", async () => {
  await withDatabase(async (database, sql) => {
    const store = new PostgresStore(database, "s");
    const huge = enriched(bet(), { price: { eurCents: 2n ** 63n, rate: undefined } });
    const nul = enriched(bet(), { description: "a \u0000 character" });
    for (const bad of [huge, nul]) {
      await rejects(store.save([enriched(bet()), bad]), (error: unknown) => {
        strictEqual(classifyStoreError(error), "split");
        return true;
      });
    }
    deepStrictEqual(await countOf(sql), { events: 0, counted: null });
    deepStrictEqual(await totalsOf(sql), []);
  });
});

Deno.test("PostgresStore.save() sums deposits beyond what a bigint holds", async () => {
  await withDatabase(async (database, sql) => {
    const store = new PostgresStore(database, "s");
    for (const _ of [1, 2]) await store.save([enriched(deposit({ amount: 2n ** 63n - 1n }))]);
    deepStrictEqual(await totalsOf(sql), [{
      player_id: "12",
      bets: "0",
      wins: "0",
      deposits_eur: "18446744073709551614",
    }]);
  });
});

Deno.test("PostgresStore.save() neither deadlocks nor miscounts when windows share events and players", async () => {
  await withDatabase(async (database, sql) => {
    const events = Array.from({ length: 300 }, (_, i) => enriched(bet({ playerId: BigInt(i % 7 + 1) })));
    const shuffled = () => events.toSorted(() => Math.random() - 0.5).slice(0, 200);
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => new PostgresStore(database, `s${i}`).save(shuffled())),
    );
    await new PostgresStore(database, "last").save(events);
    deepStrictEqual(await countOf(sql), { events: 300, counted: 300 });
    const [row] = await sql`select sum(bets)::int as bets from player_totals`;
    strictEqual(row?.["bets"], 300);
  });
});

Deno.test("PostgresPlayers.find() finds the players that exist, as they are now", async () => {
  await withDatabase(async (database, sql) => {
    const players = new PostgresPlayers(database);
    await sql`insert into players values (${"9223372036854775807"}, 'infinity', 'max@example.com')`;
    const found = await players.find([10n, 14n, 99n, 2n ** 63n - 1n]);
    deepStrictEqual([...found.keys()].sort(), [10n, 14n, 2n ** 63n - 1n]);
    strictEqual(found.get(10n)?.email, "john@example.com");
    strictEqual(found.get(14n)?.lastSignedInAt, undefined);
    strictEqual(found.get(2n ** 63n - 1n)?.lastSignedInAt, undefined);
    await sql`update players set email = 'new@example.com' where id = 10`;
    strictEqual((await players.find([10n])).get(10n)?.email, "new@example.com");
    strictEqual((await players.find([])).size, 0);
  });
});
