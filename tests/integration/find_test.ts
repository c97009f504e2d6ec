/** Where an event is: on real tables, in each state that rows can show. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Database, DatabasePool, type Parameter } from "../../shared/postgres/pool.ts";
import type { Session } from "../../shared/postgres/session.ts";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { uuidv7 } from "../../shared/rabbitmq/message_id.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import type { FoundEvent } from "../../subscriber/dashboard/find_answer.ts";
import { find, type FindSources } from "../../subscriber/find/find.ts";
import { type FindWords, parseFind } from "../../subscriber/find/query.ts";
import { MemoryFleet } from "../../subscriber/metrics/fleet/memory_fleet.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { reportOf } from "../conformance/fleet.ts";
import { letterOf } from "../conformance/dead_letter_admin.ts";
import { bet, deliveryOf, enriched, gameStart } from "../fixtures/deliveries.ts";
import { never } from "../conformance/queue/subject.ts";
import { servers } from "../servers/servers.ts";
import { publishDead, withTestLetters } from "../servers/test_letters.ts";
import { withoutPartitions, withTestSchema } from "../servers/test_schema.ts";

const publishedAt = Date.UTC(2026, 10, 29, 12);
const idOf = (n: number) => uuidv7(publishedAt, new Uint8Array(10).fill(n));
const nothing = {
  queues: () => Promise.resolve([{ name: "events", messages: 0 }]),
  newId: () => crypto.randomUUID(),
  clock,
};

interface Tables {
  readonly sql: Session;
  readonly database: DatabasePool;
  look(words: FindWords, changes?: Partial<FindSources>): ReturnType<typeof find>;
}

async function withTables(use: (tables: Tables) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const database = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
    try {
      const sources = { ...nothing, database, fleet: new MemoryFleet(clock) };
      await use({
        ...{ sql, database },
        look: (words, changes) => find(parseFind(words), { ...sources, ...changes }),
      });
    } finally {
      await database.close();
    }
  });
}

const found = ({ events }: { events: readonly FoundEvent[] }) => events.map(({ message_id }) => message_id);
const stationsOf = ({ stations }: FoundEvent) => stations.map(({ station }) => station);

Deno.test("find() finds stored events by event id, message id in any form, and player and time, with their stations", async () => {
  await withTables(async ({ sql, database, look }) => {
    const [first, second] = [bet({ id: 12_345n }), gameStart({ id: 12_345n })];
    const others = Array.from({ length: 50 }, (_, n) => enriched(bet({ id: BigInt(n), playerId: 99n })));
    await new PostgresStore(database, "subscriber-1").save([
      ...[enriched(first, { messageId: idOf(1) }), enriched(second, { messageId: idOf(2) }), ...others],
    ]);
    for (const id of [idOf(1), idOf(1).toUpperCase(), `urn:uuid:${idOf(1)}`, idOf(1).replaceAll("-", "")]) {
      deepStrictEqual(found(await look({ id })), [idOf(1)], id);
    }
    deepStrictEqual(found(await look({ id: "12345" })).sort(), [idOf(1), idOf(2)]);
    deepStrictEqual(found(await look({ player: "11", at: "2022-02-02T23:41" })), [idOf(1)]);
    deepStrictEqual(found(await look({ player: "11", at: "2022-02-02T23:39:59" })), []);
    // As after a vacuum, when the index has summarized its ranges.
    await sql.query(`select brin_summarize_new_values(indexrelid::regclass) from pg_index
      join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam and amname = 'brin'
      where relkind = 'i' and indrelid in (select relid from pg_partition_tree('events'))`);
    deepStrictEqual(found(await look({ id: "12345" })).sort(), [idOf(1), idOf(2)]);

    const { events: [event], verdict, more } = await look({ id: idOf(1) });
    deepStrictEqual([verdict, more, event!.state, event!.sent_id], ["The event is stored.", false, "stored", null]);
    deepStrictEqual(event!.event?.["amount_eur"], 467);
    deepStrictEqual(stationsOf(event!), ["published", "stored", "reported"]);
    const [published, stored] = event!.stations;
    deepStrictEqual([published!.at, stored!.by], [new Date(publishedAt).toISOString(), "subscriber-1"]);
    match(
      stored!.detail,
      /^5 USD = 4\.67 EUR at 1\.0705 for 1 EUR, the rate as of 2024-06-28T14:00:00\.000000Z; in one/,
    );
    const [row] = await sql.query<{ at: Date }>(
      "select date_trunc('milliseconds', stored_at) as at from events limit 1",
    );
    strictEqual(stored!.at?.slice(0, 23), row!.at.toISOString().slice(0, 23));
  });
});

Deno.test("find() shows at most twenty events, and reports that there are more", async () => {
  await withTables(async ({ database, look }) => {
    const many = Array.from({ length: 21 }, (_, n) => enriched(bet({ id: 7n }), { messageId: idOf(n) }));
    await new PostgresStore(database, "subscriber-1").save(many);
    const { events, more, verdict } = await look({ id: "7" });
    deepStrictEqual([events.length, more, verdict], [20, true, "20 events."]);
  });
});

Deno.test("find() tells of each letter its death and acts to operators, and only the reason to others", async () => {
  await withTestLetters(async (letters) => {
    const { queues, admin, sql, startKeeper, untilKept } = letters;
    startKeeper();
    const { schema } = await sql.one<{ schema: string }>("select current_schema() as schema");
    const url = new URL(servers.DATABASE_URL);
    url.searchParams.set("search_path", schema);
    await using closing = new AsyncDisposableStack();
    const database = new DatabasePool(url.href, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
    closing.defer(() => database.close());
    const sources = { ...nothing, database, fleet: new MemoryFleet(clock) };
    const look = (words: FindWords) => find(parseFind(words), sources);
    const failed = "2026-11-29T12:00:05.000Z";
    const headers = {
      ...letterOf("store-rejected").headers,
      [deadHeaders.detail]: "no \u202epartition",
      [deadHeaders.lastFailedAt]: failed,
    };
    const letter = {
      ...deliveryOf(bet({ id: 77n }), idOf(7)),
      headers,
      appId: "publisher-1",
      timestampMs: publishedAt,
    };
    publishDead(queues, [letter]);
    await untilKept(1);
    for (const words of [{ id: "77" }, { id: idOf(7) }, { player: "11", at: "2022-02-02T23:45" }]) {
      const { events: [event], verdict } = await look(words);
      deepStrictEqual([verdict, event!.state, event!.event?.["id"]], ["The event is a dead letter.", "dead", 77]);
      deepStrictEqual(stationsOf(event!), ["published", "dead"]);
      deepStrictEqual([event!.stations[0]!.by, event!.stations[1]!.at], ["publisher-1", "2026-11-29T12:00:05.000000Z"]);
      strictEqual(event!.stations[1]!.detail, "store-rejected: no \u202epartition (1 try)");
    }
    await admin.drop({ filter: { ids: [idOf(7)] }, signal: never });
    const { events: [dropped], verdict } = await look({ id: "77" });
    deepStrictEqual([dropped!.state, stationsOf(dropped!), dropped!.stations[2]!.by, verdict], [
      ...["dropped", ["published", "dead", "dropped"], "the test"],
      "An operator dropped the event; it is not stored.",
    ]);
    // Its replay is stored under the same message id, and is shown as the same event.
    await sql.query("update dead_letters set status = 'replayed'");
    strictEqual((await look({ id: "77" })).events[0]!.state, "replayed");
    await new PostgresStore(database, "subscriber-2").save([enriched(bet({ id: 77n }), { messageId: idOf(7) })]);
    const { events } = await look({ id: "77" });
    deepStrictEqual(events.map((event) => [event.state, stationsOf(event)]), [
      ["stored", ["published", "dead", "replayed", "stored", "reported"]],
    ]);
  });
});

Deno.test("find() reads columns of later migrations, and works without them", async () => {
  await withTables(async ({ sql, database, look }) => {
    await new PostgresStore(database, "subscriber-1").save([enriched(bet(), { messageId: idOf(1) })]);
    await sql.query("alter table events drop column sent_id");
    deepStrictEqual(found(await look({ id: "order-17" })), []);
    deepStrictEqual(found(await look({ id: "1" })), [idOf(1)]);
    await sql.query("alter table events add column sent_id text");
    await sql.query("update events set sent_id = 'order-17'");
    const { events: [event] } = await look({ id: "order-17" });
    deepStrictEqual([event?.message_id, event?.sent_id], [idOf(1), "order-17"]);
  });
});

Deno.test("find() without a match lists the searched places, the ones that it could not see, and the conclusion", async () => {
  await withTables(async ({ sql, look }) => {
    const nowhere = await look({ id: "4711" });
    deepStrictEqual(nowhere, {
      ...{ events: [], more: false },
      verdict: "Not found: the event was never published here, or it was removed. " +
        "The publisher's log names rejected events.",
      looked: [
        { place: "events", outcome: "0 events stored", complete: true },
        { place: "subscribers", outcome: "no event in hand", complete: true },
        { place: "dead_letters", outcome: "0 letters", complete: true },
        { place: "queues", outcome: "empty", complete: true },
      ],
    });
    const fleet = new MemoryFleet(clock);
    await fleet.tell(reportOf("one", { state: "working", events: 13, held_ms: 7 }));
    const queues = () => Promise.resolve([{ name: "events", messages: 1_204 }, { name: "later", messages: null }]);
    const unsure = await look({ id: "4711" }, { fleet, queues });
    strictEqual(
      unsure.verdict,
      "Not found, but the event may be in the subscribers or the queues: the search there is incomplete.",
    );
    deepStrictEqual(unsure.looked.map(({ outcome }) => outcome), [
      ...["0 events stored", "no event held; 13 events delivered a moment ago, not searched"],
      ...["0 letters", "1,204 messages in events, not searched: a queue cannot be searched"],
    ]);
    await sql.query("drop function messages_of_event(bigint); drop table dead_letters cascade");
    const broken = await look({ id: "4711" }, { queues: () => Promise.reject(new Error("RabbitMQ is away")) });
    deepStrictEqual(broken.looked.map(({ complete }) => complete), [false, true, false, false]);
    match(
      broken.looked.map(({ outcome }) => outcome).join("\n"),
      /messages_of_event[^]*dead_letters[^]*RabbitMQ is away/,
    );
  });
});

Deno.test("find() scans no partition in full, however many there are", async () => {
  await withTables(async ({ sql, database, look }) => {
    await sql.query(`${withoutPartitions} select partition_events(now() - interval '280 days')`);
    await sql.query(
      `insert into events (message_id, event_id, player_id, game_id, type, created_at, description, subscriber_id)
      select (substr(first_event_id(now() - interval '1 day' * (n % 280))::text, 1, 14) || '7' ||
          substr(gen_random_uuid()::text, 16))::uuid, n, n % 100, 7, 'game_start', now(), '', ''
      from generate_series(1, 80000) as n`,
    );
    await sql.query("analyze events");
    const { statement, parameters } = await asked(database, (spy) => look({ id: "12345" }, { database: spy }));
    const values = parameters.map((value) => `'${value}'`);
    const text = statement.replaceAll(/\$(\d)/g, (_, number) => values[number - 1]!);
    const plan = await sql.query<{ "QUERY PLAN": string }>(`explain ${text}`);
    const lines = plan.map((row) => row["QUERY PLAN"]);
    ok(
      lines.filter((line) => /(Index Scan.*|Bitmap Heap Scan) on events_\d{8}/.test(line)).length >= 40,
      lines.join("\n"),
    );
    deepStrictEqual(lines.filter((line) => /Seq Scan on events_\d{8}.* rows=\d{4,} /.test(line)), []);
  });
});

/** Returns the query of the table `events` that `ask` sends. */
async function asked(database: DatabasePool, ask: (spy: Database) => Promise<unknown>) {
  let seen: { statement: string; parameters: readonly Parameter[] } | undefined;
  await ask({
    query(statement, parameters) {
      if (statement.includes("messages_of_event")) seen = { statement, parameters };
      return database.query(statement, parameters);
    },
    copyIn: (statements, ...rows) => database.copyIn(statements, ...rows),
  });
  return seen!;
}
