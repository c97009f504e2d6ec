/**
 * One suite for every {@linkcode Database} that stores events: the Postgres server, and the Postgres in this process.
 */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { classifyStoreError, explainStoreError } from "../../shared/runtime/errors.ts";
import { type Event, eventOf } from "../../shared/event/event.ts";
import { eventTypes, kinds } from "../../shared/event/kinds.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { PostgresPlayers } from "../../subscriber/store/postgres_players.ts";
import { fold } from "../../subscriber/store/fold.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { columns, type Enriched, unenriched } from "../../subscriber/enriched/enriched.ts";
import { columnProblem, readColumns } from "../../subscriber/store/tables.ts";
import { bet, complete, deposit, enriched, gameStart, playerNamed, ratesOf } from "../fixtures/deliveries.ts";

type Use = (database: Database) => Promise<void>;

/** A database under test. */
export interface Subject {
  readonly name: string;
  /** Calls `use` with a database that has all tables, without events. */
  withDatabase(use: Use): Promise<void>;
}

async function ask(database: Database, statement: string): Promise<(string | null)[][]> {
  return (await database.query(statement, [])).map((row) => [...row]);
}

/** Runs the statements one after the other: the interface accepts one at a time. */
async function alter(database: Database, statements: string): Promise<void> {
  for (const statement of statements.split(";")) await database.query(statement, []);
}

const totals = "select player_id, bets, wins, deposits_eur from player_totals_now order by player_id";
const counts = "select (select count(*) from events), (select sum(events) from event_counts_now)";

/** Registers the suite's tests under the subject's name. */
export function testStore({ name, withDatabase }: Subject): void {
  const test = (what: string, use: Use) => Deno.test(`${name}: ${what}`, () => withDatabase(use));
  test("PostgresStore.save() stores every field of an event exactly", async (database) => {
    const event = bet({
      id: 2n ** 63n - 1n,
      amount: 1999n,
      hasWon: true,
      createdAt: { seconds: -62_135_596_800, nanos: 999_999_999 },
    });
    const one = enriched(event, {
      player: playerNamed("d'Artagnan \"\\ {,}@example.com", new Date("2022-01-10T12:30:00.123Z")),
      description: 'a "quoted", {braced} \\ sentence',
    });
    strictEqual((await new PostgresStore(database, "subscriber-1").save([one])).added, 1);
    const [row] = await ask(
      database,
      `select message_id, event_id, player_id, game_id, type, amount, currency, has_won, rate, amount_eur, subscriber_id,
        player_email, description, created_at at time zone 'UTC', rates_as_of at time zone 'UTC',
        player_last_signed_in_at at time zone 'UTC' from events`,
    );
    deepStrictEqual(row, [
      ...[
        one.messageId,
        "9223372036854775807",
        "11",
        "101",
        "bet",
        "1999",
        "USD",
        "t",
        "1.0705",
        "1867",
        "subscriber-1",
      ],
      ...[one.player!.email, one.description],
      ...["0001-01-01 00:00:00.999999", "2024-06-28 14:00:00", "2022-01-10 12:30:00.123"],
    ]);
  });

  test("PostgresStore.save() stores every kind of event, and the column accepts no other type", async (database) => {
    const { id, playerId, gameId, createdAt, amount, currency } = bet({ currency: "EUR" });
    const fields = { id, playerId, gameId, createdAt, amount, currency, hasWon: true };
    const events = kinds.map((kind) =>
      eventOf({
        ...fields,
        kind,
        ...(!kind.hasGame && { gameId: 0n }),
        ...(!kind.hasMoney && { amount: 0n, currency: "" }),
        ...(!kind.hasOutcome && { hasWon: false }),
      }) as Event
    );
    await new PostgresStore(database, "s").save(events.map((event) => enriched(event)));
    const stored = await ask(database, "select type from events order by type");
    deepStrictEqual(stored, eventTypes.toSorted().map((type) => [type]));
    await rejects(database.query("update events set type = 'other'", []), /events_type_check/);
  });

  test("PostgresStore.save() leaves out what does not apply to the type", async (database) => {
    await new PostgresStore(database, "s").save([enriched(gameStart()), enriched(deposit())]);
    const some = "game_id, amount, currency, has_won, rate, rates_as_of, amount_eur";
    deepStrictEqual(await ask(database, `select ${some} from events order by type`), [
      [null, "10000", "EUR", null, null, null, "10000"],
      ["100", null, null, null, null, null, null],
    ]);
  });

  test("PostgresStore.save() stores and counts an event once, however often and wherever it is saved", async (database) => {
    const events = [enriched(bet({ hasWon: true })), enriched(deposit()), enriched(bet())];
    const stores = ["a", "b"].map((id) => new PostgresStore(database, id));
    const saved = [
      ...await Promise.all(stores.map((store) => store.save(events))),
      await stores[0]!.save([...events, events[0]!]),
    ];
    strictEqual(saved.reduce((sum, { added }) => sum + added, 0), 3);
    deepStrictEqual(await ask(database, counts), [["3", "3"]]);
    deepStrictEqual(await ask(database, totals), [["11", "2", "1", "0"], ["12", "0", "0", "10000"]]);
  });

  test("PostgresStore.save() returns for a duplicate what every column has", async (database) => {
    const store = new PostgresStore(database, "s");
    await store.save([complete]);
    const { messageId, event } = complete;
    const again = unenriched(messageId, event);
    const stored = (await store.save([again])).known.get(again);
    for (const { name, of } of columns) {
      deepStrictEqual(of((stored as { stored: Enriched }).stored, "s"), of(complete, "s"), name);
    }
  });

  test("PostgresStore.save() stores nothing of a batch with a row that Postgres rejects", async (database) => {
    const store = new PostgresStore(database, "s");
    const outOfRange = [2n ** 63n, -(2n ** 63n) - 1n]
      .map((eurCents) => enriched(bet(), { price: { eurCents, rate: undefined } }));
    const nul = enriched(bet(), { description: "a \u0000 character" });
    for (const bad of [...outOfRange, nul]) {
      await rejects(store.save([enriched(bet()), bad]), (error: unknown) => {
        strictEqual(classifyStoreError(error), "refused");
        return true;
      });
    }
    deepStrictEqual(await ask(database, counts), [["0", null]]);
    deepStrictEqual(await ask(database, totals), []);
    strictEqual((await store.save([enriched(bet())])).added, 1, "what was refused leaves nothing in the way");
  });

  const missing = {
    "alter table events drop column rate": "events.rate is missing; run `deno task migrate`",
    "drop table events": "the table events does not exist; run `deno task migrate`",
    "alter table events alter amount type numeric": "events.amount is of type numeric, not int8; alter it back",
    "alter table events alter amount_eur type double precision":
      "events.amount_eur is of type float8, not int8; alter it back",
    "alter table events drop column amount, add column amount numeric":
      "events.amount is of type numeric, not int8; alter it back",
    "alter table events alter rate type numeric(12,2)":
      "events.rate is of type numeric(12,2), which rounds the values; alter it back to numeric",
    "alter table events alter created_at type timestamptz(0)":
      "events.created_at is of type timestamp(0) with time zone, which rounds the values; alter it back to timestamptz",
    "alter table events alter rates_as_of type timestamp(2)":
      "events.rates_as_of is of type timestamp(2) without time zone, which rounds the values; alter it back to timestamptz",
    "create domain rounded as numeric(12,2); create domain twice as rounded; alter table events alter rate type twice":
      "events.rate is of type numeric(12,2), which rounds the values; alter it back to numeric",
    "alter table events drop column amount_eur, add column amount_eur bigint generated always as (amount * 2) stored":
      "events.amount_eur is a generated column and cannot be written; drop its expression",
    "drop view player_totals_now; alter table batch_totals alter deposits_eur type numeric(10,-3)[]":
      "batch_totals.deposits_eur is of type numeric(10,-3)[], which rounds the values; alter it back to numeric[]",
    "drop view player_totals_now; alter table batch_totals alter wins type real[]":
      "batch_totals.wins is of type float4[], not int8[]; alter it back",
  };
  for (const [change, problem] of Object.entries(missing)) {
    for (const when of ["before it connects", "while it is connected"]) {
      test(`PostgresStore.save() stores nothing and says what to do, ${when}, after: ${change}`, async (database) => {
        const store = new PostgresStore(database, "s");
        if (when === "while it is connected") await store.save([enriched(bet())]);
        const before = await ask(database, "select count(*) from batch_totals");
        await alter(database, change);
        for (const _ of ["once", "and again"]) {
          await rejects(store.save([enriched(bet()), enriched(bet())]), (error: unknown) => {
            deepStrictEqual([classifyStoreError(error), explainStoreError(error)], ["away", problem]);
            return true;
          });
        }
        deepStrictEqual(await ask(database, "select count(*) from batch_totals"), before);
      });
    }
  }

  test("PostgresStore.save() works when the table is altered in a way that is harmless", async (database) => {
    const store = new PostgresStore(database, "s");
    await store.save([enriched(bet())]);
    await database.query("create domain cents as bigint", []);
    await database.query("create domain more_cents as cents", []);
    const changes = [
      ...["events add column note text", "events alter player_email type varchar(99)"],
      ...["events alter amount_eur type cents", "events alter amount_eur type more_cents"],
      ...["events alter rate type numeric(33,18)", "events alter created_at type timestamptz(6)"],
      ...["events alter amount set default 7", "events alter created_at type timestamp"],
      ...["batch_totals alter deposits_eur type numeric(30,0)[]", "batch_totals alter bets type numeric(12,2)[]"],
    ];
    const rates = ratesOf({ USD: "1.070500000000000001" });
    strictEqual(rates.perEur.size, 1);
    await database.query("drop view player_totals_now", []);
    for (const change of changes) {
      await database.query(`alter table ${change}`, []);
      const one = enriched(bet(), { player: playerNamed("x") });
      const price = { eurCents: 467n, rate: { perEur: rates.perEur.get("USD")!.text, asOfMs: rates.asOfMs } };
      strictEqual((await store.save([{ ...one, price }, enriched(gameStart())])).added, 2, change);
    }
    const some = "rate, amount, amount_eur";
    const stored = await ask(database, `select distinct ${some} from events order by ${some} offset 1`);
    deepStrictEqual(stored, [["1.070500000000000001", "500", "467"], [null, null, null]]);
  });

  test("columnProblem() accepts the migrated table, and names a changed column", async (database) => {
    const problem = async () => columnProblem(await readColumns(database, ["events"]));
    strictEqual(await problem(), undefined);
    await database.query("alter table events alter player_id type numeric", []);
    strictEqual(await problem(), "events.player_id is of type numeric, not int8; alter it back");
    await database.query("drop table events", []);
    strictEqual(await problem(), "the table events does not exist; run `deno task migrate`");
  });

  const dropRow = "create function drop_row() returns trigger language plpgsql as $$ begin return null; end $$";
  const noRow = (table: string) =>
    `create trigger no_row before insert or update on ${table} for each row execute function drop_row()`;
  const ignored = (table: string) => ({
    message: new RegExp(`^Postgres ignored the rows added to ${table} without an error, .* no_row$`),
  });

  test("PostgresStore.save() stores nothing when a trigger keeps a row out of batch_totals", async (database) => {
    const store = new PostgresStore(database, "s");
    await database.query(dropRow, []);
    for (const stored of [0, 1]) {
      await database.query(noRow("batch_totals"), []);
      const refused = store.save([enriched(bet()), enriched(deposit())]);
      await rejects(refused, ignored("batch_totals"));
      strictEqual(await refused.catch(classifyStoreError), "refused");
      deepStrictEqual(await ask(database, "select count(*) from events"), [[String(stored)]]);
      await database.query("drop trigger no_row on batch_totals", []);
      if (stored === 0) await store.save([enriched(bet())]);
    }
  });

  for (const table of ["player_totals", "event_counts", "player_leaders"]) {
    test(`fold() adds nothing when a trigger keeps a row out of ${table}, and everything after the trigger is dropped`, async (database) => {
      const store = new PostgresStore(database, "s");
      await database.query(dropRow, []);
      for (const bets of ["1", "2"]) {
        await store.save([enriched(bet()), enriched(deposit())]);
        await database.query(noRow(table), []);
        await rejects(fold(database), ignored(table));
        deepStrictEqual(await ask(database, "select count(*) from batch_totals"), [["1"]]);
        await database.query(`drop trigger no_row on ${table}`, []);
        strictEqual(await fold(database), true);
        deepStrictEqual(await ask(database, "select sum(bets)::text from player_totals"), [[bets]]);
      }
    });
  }

  const unfoldable = {
    "player_totals alter deposits_eur type numeric(10,-3)":
      "player_totals.deposits_eur is of type numeric(10,-3), which rounds the values; alter it back to numeric",
    "player_totals alter bets type real": "player_totals.bets is of type float4, not int8; alter it back",
    "player_leaders alter deposits_eur type numeric(10,-3)[]":
      "player_leaders.deposits_eur is of type numeric(10,-3)[], which rounds the values; alter it back to numeric[]",
    "player_leaders alter wins type real[]": "player_leaders.wins is of type float4[], not int8[]; alter it back",
    "event_counts alter second type date": "event_counts.second is of type date, not timestamptz; alter it back",
    "player_totals rename to gone": 'relation "player_totals" does not exist; run `deno task migrate`',
  };
  for (const [change, problem] of Object.entries(unfoldable)) {
    test(`fold() adds nothing and says what to do, while events are stored, after: alter table ${change}`, async (database) => {
      const store = new PostgresStore(database, "s");
      await store.save([enriched(bet())]);
      await fold(database);
      await alter(database, `drop view player_totals_now; drop view event_counts_now; alter table ${change}`);
      for (const batches of ["1", "2"]) {
        strictEqual((await store.save([enriched(bet())])).added, 1);
        await rejects(fold(database), (error: unknown) => {
          strictEqual(explainStoreError(error), problem);
          return true;
        });
        deepStrictEqual(await ask(database, "select count(*) from batch_totals"), [[batches]]);
      }
    });
  }

  test("fold() works when a table is altered in a way that is harmless", async (database) => {
    const store = new PostgresStore(database, "s");
    await alter(database, "drop view player_totals_now; drop view event_counts_now");
    const changes = [
      ...["player_totals alter deposits_eur type numeric(30,0)", "player_totals alter bets type numeric(12,2)"],
      ...["event_counts alter events type integer", "event_counts alter second type timestamptz(0)"],
    ];
    for (const change of changes) {
      await database.query(`alter table ${change}`, []);
      await store.save([enriched(bet()), enriched(deposit())]);
      strictEqual(await fold(database), true, change);
    }
    const stored = await ask(database, "select sum(bets)::int, sum(deposits_eur)::int from player_totals");
    deepStrictEqual(stored, [["4", "40000"]]);
  });

  test("fold() adds the batches of all subscribers once, also more than one statement takes", async (database) => {
    const stores = ["a", "b"].map((id) => new PostgresStore(database, id));
    for (let n = 0; n < 125; n++) {
      for (const store of stores) {
        await store.save([enriched(bet({ playerId: BigInt(n % 3 + 1), hasWon: n % 2 === 0 }))]);
      }
    }
    const [before, events] = [await ask(database, totals), await ask(database, counts)];
    strictEqual((await Promise.all([fold(database), fold(database), fold(database)])).includes(true), true);
    await fold(database);
    deepStrictEqual(await ask(database, "select count(*) from batch_totals"), [["0"]]);
    deepStrictEqual([await ask(database, totals), await ask(database, counts)], [before, events]);
    deepStrictEqual(before, [["1", "84", "42", "0"], ["2", "84", "42", "0"], ["3", "82", "42", "0"]]);
    deepStrictEqual(events, [["250", "250"]]);
  });

  test("PostgresStore.save() sums deposits beyond the range of a bigint", async (database) => {
    const store = new PostgresStore(database, "s");
    for (const _ of [1, 2]) await store.save([enriched(deposit({ amount: 2n ** 63n - 1n }))]);
    deepStrictEqual(await ask(database, totals), [["12", "0", "0", "18446744073709551614"]]);
  });

  test("PostgresStore.save() neither deadlocks nor miscounts when batches share events and players", async (database) => {
    const events = Array.from({ length: 300 }, (_, i) => enriched(bet({ playerId: BigInt(i % 7 + 1) })));
    const shuffled = () => events.toSorted(() => Math.random() - 0.5).slice(0, 200);
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => new PostgresStore(database, `s${i}`).save(shuffled())),
    );
    await new PostgresStore(database, "last").save(events);
    deepStrictEqual(await ask(database, counts), [["300", "300"]]);
    deepStrictEqual(await ask(database, "select sum(bets)::text from player_totals_now"), [["300"]]);
  });

  test("PostgresPlayers.find() returns the existing players with their current data", async (database) => {
    const players = new PostgresPlayers(database);
    await database.query("insert into players values ($1::bigint, 'infinity', 'max@example.com')", [
      "9223372036854775807",
    ]);
    const found = await players.find([10n, 14n, 99n, 2n ** 63n - 1n]);
    deepStrictEqual([...found.keys()].sort(), [10n, 14n, 2n ** 63n - 1n]);
    strictEqual(found.get(10n)?.email, "john@example.com");
    strictEqual(found.get(10n)?.lastSignedInMs, Date.UTC(2022, 0, 10, 12, 30));
    strictEqual(found.get(14n)?.lastSignedInMs, undefined);
    strictEqual(found.get(2n ** 63n - 1n)?.lastSignedInMs, undefined);
    await database.query("update players set email = 'new@example.com' where id = 10", []);
    strictEqual((await players.find([10n])).get(10n)?.email, "new@example.com");
    strictEqual((await players.find([])).size, 0);
  });
}
