/** What remains of removed events, and of a run that was interrupted. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Database, DatabasePool } from "../../../shared/postgres/pool.ts";
import { Session } from "../../../shared/postgres/session.ts";
import { uuidv7 } from "../../../shared/rabbitmq/message_id.ts";
import { type Clock, systemClock as clock } from "../../../shared/runtime/clock.ts";
import { classifyStoreError, isPartitionMissing, messageOf } from "../../../shared/runtime/errors.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { readTotals } from "../../../subscriber/metrics/materialized.ts";
import { PostgresStore } from "../../../subscriber/store/postgres_store.ts";
import { detach, holdRetention } from "../../../tools/retention/partitions.ts";
import { type Gone, letGo, planRetention } from "../../../tools/retention/retention.ts";
import { bet, enriched } from "../../fixtures/deliveries.ts";
import { lasting } from "../../servers/materialized_by_sql.ts";
import { withoutPartitions, withTestSchema } from "../../servers/test_schema.ts";

const dayMs = 86_400_000;
const random = seededRandom(1);
const v7 = (daysAgo: number) =>
  uuidv7(clock.now() - daysAgo * dayMs, Uint8Array.from({ length: 10 }, () => random.int(0, 255)));
/** An id with version 4 whose first bits are a time, as a random UUIDv4 of another library may have. */
const v4 = (daysAgo: number) => v7(daysAgo).replace(/^(.{14})7/, "$14");
const never = new AbortController().signal;
const ids = "select message_id as id from events order by message_id";

interface Tested {
  readonly sql: Session;
  readonly url: string;
  readonly database: Database;
  readonly directory: string;
  save(...ids: readonly string[]): Promise<{ readonly added: number; readonly known: number }>;
  run(days: number, changes?: { readonly directory?: string; readonly clock?: Clock }): Promise<Gone>;
}

/** A table whose first week was eleven weeks ago. */
async function withWeeksOfOld(use: (tested: Tested) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "casino-retention-" });
  try {
    await withTestSchema(async (sql, url) => {
      await sql.query(`${withoutPartitions} select partition_events(date_trunc('week', now()) - interval '77 days')`);
      await using own = new Session(url, { name: "casino-test" });
      strictEqual(await holdRetention(own), true);
      const database = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
      const store = new PostgresStore(database, "s");
      await use({
        ...{ sql, url, database, directory },
        async save(...ids) {
          const { added, known } = await store.save(ids.map((messageId) => enriched(bet(), { messageId })));
          return { added, known: known.size };
        },
        async run(days, changes) {
          const gone: Gone = { tables: [], foreign: 0, files: [] };
          const plan = await planRetention(own, days);
          await letGo({ sql: own, plan, directory, clock, say: () => {}, stop: never, ...changes }, gone);
          return gone;
        },
      }).finally(() => database.close());
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function weeksOf(sql: Session): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(`select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname ~ '^events_\\d{8}$' order by 1`);
  return rows.map(({ name }) => name);
}

/** A run that times out tells the operator to run it again. */
async function untilDone(run: () => Promise<Gone>): Promise<Gone> {
  for (let runs = 1;; runs++) {
    try {
      return await run();
    } catch (error) {
      if (runs === 10) throw error;
      match(messageOf(error), /run the command again: canceling statement due to lock timeout/);
    }
  }
}

async function linesOf(file: string): Promise<string[]> {
  const { body } = new Response((await Deno.open(file)).readable.pipeThrough(new DecompressionStream("gzip")));
  return (await new Response(body).text()).trimEnd().split("\n");
}

Deno.test("weeks go once all of their ids are old enough: exported to a file, then dropped; sums stay", async () => {
  await withWeeksOfOld(async ({ sql, database, save, run }) => {
    const [old, older, young] = [v7(60), v7(75), v7(30)];
    await save(old, older, young, v7(0));
    await sql.query(
      `update events set description = 'a "bet", or not;' || chr(10) || 'two lines' where message_id = $1`,
      [
        older,
      ],
    );
    const sums = lasting((await readTotals(database)).materialized);
    const before = await weeksOf(sql);
    const gone = await run(45);
    ok(gone.tables.length >= 4, String(gone.tables));
    deepStrictEqual([...gone.tables, ...await weeksOf(sql)], before);
    const left = await sql.query<{ id: string }>(ids);
    deepStrictEqual(left.map(({ id }) => id).slice(0, 1), [young]);
    strictEqual(left.length, 2);
    deepStrictEqual(lasting((await readTotals(database)).materialized), sums);

    deepStrictEqual(gone.files.map((file) => file.replace(/.*\//, "")), gone.tables.map((name) => `${name}.csv.gz`));
    const lines = (await Promise.all(gone.files.map(linesOf))).flat();
    const head = lines.filter((line) => line.startsWith("message_id,event_id,player_id,"));
    strictEqual(head.length, gone.files.length);
    deepStrictEqual(lines.filter((line) => line.startsWith(old)).length, 1);
    ok(lines.some((line) => line.startsWith(older) && line.includes('"a ""bet"", or not;')), lines.join("\n"));
    deepStrictEqual((await run(45)).tables, []);
  });
});

Deno.test("ids of a removed time that are gone are refused, not stored a second time; other UUIDs of that time stay known", async () => {
  await withWeeksOfOld(async ({ sql, save, run }) => {
    const [past, foreign, later] = [v7(70), v4(70), v4(40)];
    await save(past, foreign, later);
    await run(60);
    await rejects(save(past), (error) => {
      match(messageOf(error), /"events_gone" violates check constraint "events_id_forgotten"/);
      deepStrictEqual([classifyStoreError(error), isPartitionMissing(error)], ["refused", false]);
      return true;
    });
    deepStrictEqual(await save(foreign, later), { added: 0, known: 2 });
    deepStrictEqual(await save(v4(70)), { added: 1, known: 0 });
    // The range of the removed events grows.
    await run(20);
    deepStrictEqual(await save(foreign, later), { added: 0, known: 2 });
    await rejects(save(v7(40)), /events_id_forgotten/);
    const { tables } = await sql.one(
      "select array_agg(distinct tableoid::regclass::text) as tables from events where message_id = any($1::uuid[])",
      [[foreign, later]],
    );
    strictEqual(tables, "{events_gone}");
  });
});

Deno.test("the next run finishes one that is cut off after it detached a week, and an operator's tables stay", async () => {
  await withWeeksOfOld(async ({ sql, save, run }) => {
    const [week, ...others] = await weeksOf(sql);
    await save(v7(75), v4(75));
    await sql.query(`alter table events detach partition ${others[0]}`);
    await detach(sql, { table: week!, until: null, rows: 0, bytes: 0, detached: false }, clock);
    // Events of the detached week are refused meanwhile, so none is stored twice.
    await rejects(save(v7(75)), isPartitionMissing);
    const plan = await planRetention(sql, 10_000);
    deepStrictEqual(plan.weeks.map(({ table, detached }) => [table, detached]), [[week, true]]);
    deepStrictEqual((await run(10_000)).tables, [week]);
    deepStrictEqual(await weeksOf(sql), others);
    await rejects(save(v7(75)), /events_id_forgotten/);
  });
});

Deno.test("a run finishes a detachment that is half done, and waits 2 s at a time for active sessions", async () => {
  await withWeeksOfOld(async ({ sql, url, save, run }) => {
    await save(v7(75));
    const [week] = await weeksOf(sql);
    await using other = new Session(url, { name: "casino-test" });
    const pending: number[] = [];
    // Like a batch that began long ago; it ends during the second attempt.
    await other.query("begin");
    await other.query("select from events");
    const waits: Clock = {
      ...clock,
      async sleep() {
        const rows = await sql.query(
          "select from pg_inherits where inhdetachpending and inhparent = 'events'::regclass",
        );
        pending.push(rows.length);
        if (pending.length === 2) await other.query("commit");
      },
    };
    // The run also waits for transactions of other tests in the same database.
    const gone = await untilDone(() => run(66, { clock: waits }));
    deepStrictEqual([gone.tables[0], new Set(pending)], [week, new Set([1])]);
    strictEqual((await weeksOf(sql)).includes(week!), false);
  });
});

Deno.test("a partition that cannot be exported is not dropped, and leaves no file", async () => {
  await withWeeksOfOld(async ({ sql, save, run, directory }) => {
    const id = v7(75);
    await save(id);
    const [week] = await weeksOf(sql);
    await Deno.mkdir(`${directory}/${week}.csv.gz`);
    await rejects(run(60));
    deepStrictEqual(await sql.query(`select message_id as id from ${week}`), [{ id }]);
    deepStrictEqual(Array.from(Deno.readDirSync(directory), ({ name }) => name), [`${week}.csv.gz`]);
    await Deno.remove(`${directory}/${week}.csv.gz`);
    const { files } = await run(60);
    strictEqual((await linesOf(files[0]!)).length, 2);
  });
});

Deno.test("events under ids without a time are removed by the time when they were stored", async () => {
  await withWeeksOfOld(async ({ sql, save, run }) => {
    const [old, young] = ["f0000000-0000-4000-8000-000000000001", "f0000000-0000-4000-8000-000000000002"];
    const [fromBody, current] = ["00000000-0000-7000-8000-000000000001", v7(0)];
    await save(old, young, fromBody, current);
    await sql.query("update events set stored_at = now() - interval '50 days' where message_id = any($1::uuid[])", [
      [old, fromBody, current],
    ]);
    const { foreign } = await planRetention(sql, 40);
    deepStrictEqual(foreign, [{ table: "events_before", rows: 1 }, { table: "events_other", rows: 1 }]);
    const gone = await run(40);
    strictEqual(gone.foreign, 2);
    deepStrictEqual((await sql.query<{ id: string }>(ids)).map(({ id }) => id), [current, young]);
    const files = gone.files.filter((file) => file.includes("_until_"));
    deepStrictEqual((await Promise.all(files.map(linesOf))).flat().filter((line) => /^[0f]/.test(line)).length, 2);
    deepStrictEqual((await run(40)).files, []);
  });
});

Deno.test("holdRetention() lets one run work at a time", async () => {
  await withWeeksOfOld(async ({ url }) => {
    await using another = new Session(url, { name: "casino-test" });
    strictEqual(await holdRetention(another), false);
  });
});
