/** Events by ranges of message ids: which partition holds which events, and how subscribers make partitions. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Database, DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { msOfMessageId, uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { explainStoreError, isPartitionMissing } from "../../shared/runtime/errors.ts";
import { seededRandom } from "../../shared/runtime/random.ts";
import { Layout } from "../../subscriber/store/layout.ts";
import { makePartitions, readRetentionAge, readRunway } from "../../subscriber/store/partitions.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { catalogue } from "../../tools/migrate/catalogue.ts";
import { migrateFresh, runMigration } from "../../tools/migrate/transaction.ts";
import { bet, deliveryOf, enriched } from "../fixtures/deliveries.ts";
import { eventually } from "../fixtures/eventually.ts";
import { RecordedLog } from "../fixtures/recorded_telemetry.ts";
import { isHeld, test } from "../servers/altered_postgres.ts";
import { withEmptySchema, withTestSchema, withWeeks } from "../servers/test_schema.ts";

const migration = "20261130120000_partition_events.ts";
const dayMs = 86_400_000;
const random = seededRandom(1);
const v7 = (ms: number) => uuidv7(ms, Uint8Array.from({ length: 10 }, () => random.int(0, 255)));
/** An id with version 4 whose first bits are a time, as a random UUIDv4 of another library may have. */
const v4 = (ms: number) => v7(ms).replace(/^(.{14})7/, "$14");
const of = (messageId: string) => enriched(bet(), { messageId });
const save = (database: Database, ...ids: readonly string[]) => new PostgresStore(database, "s").save(ids.map(of));

interface Tested {
  readonly sql: Session;
  readonly url: string;
  readonly database: Database;
}

async function withDatabase(use: (tested: Tested) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const database = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
    await use({ sql, url, database }).finally(() => database.close());
  });
}

/** The partition of each event, in order of message ids. */
async function partitionsOf(sql: Session): Promise<string[]> {
  const rows = await sql.query<{ name: string }>("select tableoid::regclass as name from events order by message_id");
  return rows.map(({ name }) => name);
}

async function weeks(sql: Session): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(`select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'events'::regclass and inhrelid::regclass::text ~ '\\d{8}$' order by 1`);
  return rows.map(({ name }) => name);
}

function weekOf(all: readonly string[], ms: number): string | undefined {
  const day = `events_${new Date(ms).toISOString().slice(0, 10).replaceAll("-", "")}`;
  return all.findLast((name) => name <= day);
}

async function make(database: Database, days = 7): Promise<RecordedLog> {
  const log = new RecordedLog();
  await makePartitions({ database, days, log });
  return log;
}

Deno.test("a new database has a partition for every id: one for each of four weeks ahead, and one for other ids", async () => {
  await withDatabase(async ({ sql, database }) => {
    const now = clock.now();
    const all = await weeks(sql);
    const [week] = all;
    ok(all.length >= 5, String(all));
    const ids = [v7(0), v4(0), v7(now - 30 * dayMs), v7(now), v4(now), v7(now + 27 * dayMs), v4(now + 365 * dayMs)];
    const ends = [v7(Date.UTC(2060, 0)), v4(Date.UTC(2100, 0)), "fedcba98-7654-4210-8000-000000000000"];
    deepStrictEqual(await save(database, ...ids, ...ends), { added: 10, known: new Map() });
    const before = Array(3).fill("events_before");
    const others = ["events_ahead", "events_other", "events_other", "events_other"];
    deepStrictEqual(await partitionsOf(sql), [...before, week, week, weekOf(all, now + 27 * dayMs), ...others]);
    const { added, known } = await save(database, ...ids, ...ends);
    deepStrictEqual([added, known.size], [0, 10]);
    const runway = await readRunway(database);
    ok(runway! >= 28 && runway! <= 35, String(runway));
  });
});

Deno.test("the age of retention is the time since a run last succeeded, or since the history begins", async () => {
  await withDatabase(async ({ sql, database }) => {
    const days = async () => Math.round(await readRetentionAge(database) / 86_400);
    const ended = (ago: number, act: string, state: string) =>
      sql.query(`
        insert into acts (begun_at, ended_at, who, act, filter, peer, via, state)
        values (now(), now() - interval '${ago} days', '', '${act}', '{}', '', '', '${state}')`);
    strictEqual(await days(), 0);
    await sql.query(
      "insert into history (at, step_seconds, stored, dead, duplicates) values (now() - interval '9 days', 60, 0, 0, 0)",
    );
    await ended(1, "retention", "failed");
    await ended(2, "drop", "done");
    strictEqual(await days(), 9);
    await ended(5, "retention", "done");
    await ended(7, "retention", "done");
    strictEqual(await days(), 5);
  });
});

Deno.test("the store counts rows of partitions only when a trigger could drop one", async () => {
  await withDatabase(async ({ sql, database }) => {
    const layout = await Layout.read(database);
    deepStrictEqual([layout.mayChangeRows, layout.countRows([of(v7(0))])], [false, []]);
    await sql.query(`create function nothing() returns trigger language plpgsql as 'begin return null; end';
      create trigger nothing before insert on events_before for each row execute function nothing()`);
    strictEqual((await Layout.read(database)).mayChangeRows, true);
  });
});

test(
  "events are held when a trigger of one partition drops rows, though the connections were open before",
  `create function nothing() returns trigger language plpgsql as 'begin return null; end';
   create trigger nothing before insert on events_before for each row execute function nothing()`,
  async (subscriber) => {
    const settled = subscriber.settle(deliveryOf(bet(), v7(0)));
    await isHeld(subscriber, /ignored the row without an error.*check the partitions of events for triggers/);
    await subscriber.sql.query("drop trigger nothing on events_before");
    await settled;
    await subscriber.check(2);
  },
);

Deno.test("the migration leaves a table with rows unchanged, and the rollback keeps rows and privileges", async () => {
  await withEmptySchema(async (sql) => {
    const earlier = new Map([...catalogue].filter(([name]) => name < migration));
    const step = (direction: "up" | "down") => runMigration(sql, direction, migration, catalogue.get(migration)!);
    const insert = `insert into events (message_id, event_id, player_id, created_at, type, description, subscriber_id)
      values ('${v7(clock.now())}', 1, 1, now(), 'game_start', 'd', 's')`;
    const state = async () =>
      (await sql.query(`select relkind, relacl::text as acl, obj_description(oid, 'pg_class') as words,
          (select count(*)::int from events) as rows,
          (select json_agg(replace(indexdef, ' ONLY', '') order by indexname) from pg_indexes
            where schemaname = current_schema() and tablename = 'events') as indexes
        from pg_class where oid = 'events'::regclass`))[0]!;
    await migrateFresh(sql, earlier);
    await sql.query(`grant select on events to public; ${insert}`);
    const plain = await state();
    await step("up");
    deepStrictEqual(await state(), plain);
    const { ends } = await sql.one("select event_partitions_end() as ends");
    strictEqual(ends, null);
    await step("down");
    await sql.query("delete from events");
    await step("up");
    deepStrictEqual(await state(), { ...plain, relkind: "p", rows: 0 });
    await sql.query(insert);
    await step("down");
    deepStrictEqual(await state(), plain);
  });
});

Deno.test("makePartitions() creates what is missing of four weeks, and earlier ids stay known", async () => {
  await withDatabase(async ({ sql, database }) => {
    const all = await weeks(sql);
    await sql.query(withWeeks(1));
    const [soon, far] = [clock.now() + 10 * dayMs, clock.now() + 365 * dayMs];
    const foreign = [v4(soon), v4(far)];
    await save(database, ...foreign);
    await rejects(save(database, v7(soon)), (error) => {
      match(explainStoreError(error), /"events_partition_missing"; create the partition that is missing/);
      return isPartitionMissing(error);
    });
    const log = await make(database);
    deepStrictEqual(log.of("partitions.made").map(({ fields }) => Number(fields["runwayDays"]) >= 28), [true]);
    deepStrictEqual(await weeks(sql), all);
    deepStrictEqual(await partitionsOf(sql), [weekOf(all, soon), "events_ahead"]);
    const { added, known } = await save(database, ...foreign, v7(soon));
    deepStrictEqual([added, known.size], [1, 2]);
    deepStrictEqual((await make(database)).entries, []);
  });
});

Deno.test("makePartitions() adds partitions of another length after the existing ones", async () => {
  await withDatabase(async ({ sql, database }) => {
    await sql.query(withWeeks(1));
    await make(database, 1);
    const bounds = await sql.query<{ ms: number }>(`select extract(epoch from time_of_event_id(
        substring(pg_get_expr(relpartbound, oid) from 'TO \\(''([0-9a-f-]+)''')::uuid))::float8 * 1000 as ms
      from pg_class where relispartition and relname ~ '^events_\\d{8}$' and relnamespace = current_schema()::regnamespace
      order by 1`);
    ok(bounds.length > 20, String(bounds.length));
    for (const [n, { ms }] of bounds.entries()) strictEqual(n === 0 ? dayMs : ms - bounds[n - 1]!.ms, dayMs);
  });
});

Deno.test("makePartitions() waits neither for a concurrent run nor long for a batch that uses the table", async () => {
  await withDatabase(async ({ sql, url, database }) => {
    await sql.query(withWeeks(1));
    await using other = new Session(url, { name: "casino-test" });
    await other.transaction(async (ask) => {
      await ask("select pg_advisory_xact_lock(hashtextextended(current_schema() || '.event_partitions', 0))");
      deepStrictEqual((await make(database)).entries, []);
    });
    await other.transaction(async (ask) => {
      await ask("lock table events in row exclusive mode");
      await rejects(make(database), { code: "55P03" });
      deepStrictEqual((await weeks(sql)).length, 1);
    });
    await make(database);
    ok((await readRunway(database))! >= 28);
  });
});

test(
  "a week without its partition: its events are held until it exists, and an event with an id of another time is dead-lettered",
  withWeeks(0),
  async (subscriber) => {
    const today = v7(clock.now());
    const settled = subscriber.settle(deliveryOf(bet(), today));
    await isHeld(subscriber, /"events_partition_missing"; create the partition that is missing/);
    const createdAt = { seconds: Math.floor(clock.now() / 1_000), nanos: 0 };
    subscriber.queue.publish(deliveryOf(bet({ createdAt }), v7(clock.now() + 20 * dayMs)), deliveryOf(bet(), v7(0)));
    await eventually("a letter", () => subscriber.letters.length === 1 || undefined);
    match(subscriber.letters[0]!, /store-rejected: .*"events_partition_missing"/);
    const { make_event_partitions: ends } = await subscriber.sql.one("select make_event_partitions(7)");
    ok((ends as Date).getTime() > msOfMessageId(today));
    await settled;
    await subscriber.check(3);
  },
);
