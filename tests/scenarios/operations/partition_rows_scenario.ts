/** The statements of docs/retention.md that give a table with rows its partitions, while events are stored. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { DatabasePool } from "../../../shared/postgres/pool.ts";
import { uuidv7 } from "../../../shared/rabbitmq/message_id.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { PostgresStore } from "../../../subscriber/store/postgres_store.ts";
import { catalogue } from "../../../tools/migrate/catalogue.ts";
import { migrateFresh, runMigration } from "../../../tools/migrate/transaction.ts";
import { bet, enriched } from "../../fixtures/deliveries.ts";
import { project } from "../../harness/world.ts";
import { withEmptySchema } from "../../servers/test_schema.ts";

const migration = "20261130120000_partition_events.ts";
const dayMs = 86_400_000;
const newId = (ms: number) => uuidv7(ms, crypto.getRandomValues(new Uint8Array(10)));

/** Returns the document's blocks, with the given Monday. */
async function statementsOf(monday: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(project, "docs/retention.md"));
  const section = text.slice(text.indexOf("## A table that has rows"));
  const blocks = Array.from(section.matchAll(/^ *```sql\n(.*?)^ *```/gms), ([, block]) => block!);
  return blocks.map((block) => block.replaceAll("2026-12-14", monday));
}

/** A Monday at least a week ahead. */
function mondayAhead(): string {
  const day = new Date(clock.now() + 7 * dayMs);
  day.setUTCDate(day.getUTCDate() + (8 - day.getUTCDay()) % 7);
  return day.toISOString().slice(0, 10);
}

Deno.test("a table with rows becomes the first partition while events are stored, each once", async () => {
  await withEmptySchema(async (sql, url) => {
    // The others do not depend on it.
    const earlier = new Map([...catalogue].filter(([name]) => name !== migration));
    await migrateFresh(sql, earlier);
    const database = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
    const store = new PostgresStore(database, "s");
    const stored: string[] = [];
    const save = async (...ids: string[]) => {
      const { added } = await store.save(ids.map((messageId) => enriched(bet(), { messageId })));
      stored.push(...ids.slice(0, added));
      return added;
    };
    const stop = new AbortController();
    try {
      const old = Array.from({ length: 100 }, (_, n) => newId(clock.now() - n * dayMs));
      await save(...old);
      await runMigration(sql, "up", migration, catalogue.get(migration)!);
      const storing = (async () => {
        while (!stop.signal.aborted) await save(newId(clock.now()), newId(clock.now()));
      })();
      const monday = mondayAhead();
      const [look, bind, part, index, ...more] = await statementsOf(monday);
      deepStrictEqual([await sql.one(look!), more], [{ count: "0" }, []]);
      // psql sends each statement in a transaction of its own.
      const run = async (block: string) => {
        for (const statement of block.split(";")) if (statement.trim() !== "") await sql.query(statement);
      };
      await run(bind!);
      const later = newId(Date.parse(monday) + dayMs);
      await rejects(save(later), { constraint: "events_bounded" });
      const before = stored.length;
      await run(part!);
      await run(index!);
      strictEqual(await save(later), 1);
      stop.abort();
      await storing;
      ok(before > 100 && stored.length > before);
      const rows = await sql.query<{ id: string; name: string }>(
        "select message_id as id, tableoid::regclass as name from events order by message_id",
      );
      deepStrictEqual(rows.map(({ id }) => id), stored.toSorted());
      deepStrictEqual(
        new Set(rows.map(({ name }) => name)),
        new Set(["events_before", `events_${monday.replaceAll("-", "")}`]),
      );
      strictEqual(await save(...old), 0);
      const { ends } = await sql.one<{ ends: Date }>("select event_partitions_end() as ends");
      ok(ends.getTime() > clock.now() + 28 * dayMs);
    } finally {
      stop.abort();
      await database.close();
    }
  });
});
