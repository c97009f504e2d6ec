/** What remains of a player whose data was erased: everything except the e-mail and the last sign-in. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { Event } from "../../shared/event/event.ts";
import { type Database, DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { playerOf } from "../../subscriber/enriched/enriched.ts";
import { describe } from "../../subscriber/pipeline/steps/describe.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { erase, type Erased, look } from "../../tools/erase/erase.ts";
import { soughtOf } from "../../tools/erase/letters.ts";
import { letterOf } from "../conformance/dead_letter_admin.ts";
import { bet, deposit, enriched, gameStart } from "../fixtures/deliveries.ts";
import { publishDead, withTestLetters } from "../servers/test_letters.ts";
import { withoutPartitions, withTestSchema } from "../servers/test_schema.ts";

const email = "jane@example.com";
const never = new AbortController().signal;
const sums = `select (select json_agg(t order by player_id) from player_totals_now t) as totals,
  (select sum(events)::int from event_counts_now) as counts, (select json_agg(l) from player_leaders l) as leaders`;
const leftOf = "select count(*)::int as left from events where player_id = 11 and events::text like '%jane@%'";

/** An event of a player that the casino knows. */
function ofJane(event: Event) {
  const one = enriched(event);
  const description = describe(event, one.price?.eurCents, email);
  return { ...one, player: { ...playerOf([]), email, lastSignedInMs: Date.UTC(2022, 1, 2, 23, 40) }, description };
}

interface Tested {
  readonly sql: Session;
  readonly database: Database;
  readonly save: (events: readonly Event[]) => Promise<unknown>;
  /** Runs the command. */
  run(
    changes?: { readonly stop?: AbortSignal; readonly playerRow?: boolean; readonly tell?: () => void },
  ): Promise<Erased>;
}

async function withEvents(use: (tested: Tested) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const database = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
    const store = new PostgresStore(database, "s");
    const save = (events: readonly Event[]) => store.save(events.map(ofJane));
    await use({ sql, database, save, run: (changes) => run(sql, changes) }).finally(() => database.close());
  });
}

async function run(sql: Session, { stop = never, playerRow = false, tell = () => {} } = {}): Promise<Erased> {
  const erased = { events: 0, letters: 0, players: 0 };
  const found = await look(sql, 11n, () => {});
  await erase({ sql, player: 11n, found, playerRow, tell, stop }, erased);
  return erased;
}

Deno.test("erase() leaves events of an unknown player and of all others as they are, with sums and counts", async () => {
  await withEvents(async ({ sql, save, run }) => {
    const long = { seconds: -62_135_596_800, nanos: 1_000 };
    const events = [
      bet({ hasWon: true }),
      bet({ currency: "JPY", amount: 1_999n, createdAt: long }),
      deposit({ playerId: 11n }),
      deposit({ playerId: 11n, currency: "BTC", amount: 12_345_678n }),
      gameStart({ playerId: 11n, gameId: 7n }),
      { ...gameStart({ playerId: 11n }), type: "game_stop" as const },
      bet({ playerId: 12n }),
    ].map((event, n) => ({ ...event, id: BigInt(n + 1) }));
    await save(events);
    const rows = async () =>
      new Map((await sql.query<{ row: Record<string, unknown> }>("select to_json(events) as row from events"))
        .map(({ row }) => [row["event_id"], row]));
    const [before, sumsBefore] = [await rows(), await sql.one(sums)];
    deepStrictEqual(await run(), { events: 6, letters: 0, players: 0 });
    const expected = events.map((event) => {
      const row = before.get(Number(event.id))!;
      if (event.playerId !== 11n) return row;
      const { description } = enriched(event);
      return { ...row, player_email: null, player_last_signed_in_at: null, description };
    });
    const after = await rows();
    deepStrictEqual(events.map(({ id }) => after.get(Number(id))), expected);
    deepStrictEqual(await sql.one(sums), sumsBefore);
    strictEqual((await sql.query("select from players where id = 11")).length, 1);
    deepStrictEqual(await run({ playerRow: true }), { events: 0, letters: 0, players: 1 });
    strictEqual((await sql.query("select from players")).length, 4);
  });
});

Deno.test("erase() removes the e-mail from the sentence of an unknown event type", async () => {
  await withEvents(async ({ sql, save, run }) => {
    await save([bet()]);
    await sql.query(`alter table events drop constraint events_type_check;
      update events set type = 'jackpot', description = 'Player #11 (${email}) won it, ${email}!'`);
    await run();
    const { description } = await sql.one<{ description: string }>("select description from events");
    strictEqual(description, "Player #11 won it, !");
  });
});

Deno.test("erase() stops when a trigger keeps events unchanged, and does not search for a text that marks an erased e-mail", async () => {
  await withEvents(async ({ sql, save, run }) => {
    await save([bet()]);
    await sql.query(`create function keep() returns trigger language plpgsql as 'begin return null; end';
      create trigger keep before update on events for each row execute function keep()`);
    await rejects(run(), /updated 0 of 1 events without an error: check the table events for triggers/);
    await sql.query("drop trigger keep on events");
    await run();
  });
  for (const odd of ["erase", "(erased)", "*****", "", "a@b"]) deepStrictEqual(soughtOf([odd, email]), [email], odd);
});

Deno.test("an erase() that is cut off reports its progress; another run continues, and the next finds nothing", async () => {
  await withEvents(async ({ sql, save, run }) => {
    await sql.query(withoutPartitions);
    for (let n = 0; n < 3; n++) await save(Array.from({ length: 400 }, () => bet()));
    const stop = new AbortController();
    const first = await run({ stop: stop.signal, tell: () => stop.abort() });
    deepStrictEqual(first.events, 500);
    deepStrictEqual(await sql.one(leftOf), { left: 700 });
    deepStrictEqual((await run()).events, 700);
    deepStrictEqual(await sql.one(leftOf), { left: 0 });
    deepStrictEqual((await run()).events, 0);
  });
});

Deno.test("erase() erases events that were stored while it looked", async () => {
  await withEvents(async ({ sql, save }) => {
    await save(Array.from({ length: 300 }, () => bet()));
    const found = await look(sql, 11n, () => {});
    await save(Array.from({ length: 400 }, () => bet()));
    const erased = { events: 0, letters: 0, players: 0 };
    await erase({ sql, player: 11n, found, playerRow: false, tell: () => {}, stop: never }, erased);
    deepStrictEqual([erased.events, await sql.one(leftOf)], [700, { left: 0 }]);
  });
});

Deno.test("erase() goes through every partition", async () => {
  await withEvents(async ({ sql, save, run }) => {
    await save(Array.from({ length: 40 }, () => bet()));
    await sql.query(`alter table events rename to old;
      create table events (like old including defaults, primary key (message_id)) partition by range (message_id);
      create table low partition of events for values from (minvalue) to ('80000000-0000-0000-0000-000000000000');
      create table "High ones" partition of events for values from ('80000000-0000-0000-0000-000000000000') to (maxvalue);
      insert into events select * from old`);
    deepStrictEqual([(await run()).events, await sql.one(leftOf)], [40, { left: 0 }]);
  });
});

Deno.test("erase() holds no lock that blocks storing, and waits only briefly for locks", async () => {
  await withTestSchema(async (sql, url) => {
    const database = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
    await using other = new Session(url, { name: "casino-test" });
    const store = new PostgresStore(database, "s");
    try {
      await store.save([ofJane(bet())]);
      const found = await look(sql, 11n, () => {});
      const erased = { events: 0, letters: 0, players: 0 };
      const again = () => erase({ sql, player: 11n, found, playerRow: false, tell: () => {}, stop: never }, erased);
      await other.transaction(async (ask) => {
        // The lock that a migration takes.
        await ask("lock table events in share row exclusive mode");
        await rejects(again(), { code: "55P03" });
      });
      await again();
      deepStrictEqual([erased.events, await sql.one(leftOf)], [1, { left: 0 }]);
    } finally {
      await database.close();
    }
  });
});

Deno.test("erase() removes the e-mail from letters and edits, keeps them readable, and leaves other players' data", async () => {
  await withTestLetters(async ({ queues, sql, database, table, startKeeper, untilKept }) => {
    await new PostgresStore(database, "s").save([ofJane(bet())]);
    await sql.query("delete from players where id = 11");
    startKeeper();
    const detail = `Key (player_email)=(${email}) already exists.`;
    const hers = letterOf("store-rejected", { [deadHeaders.detail]: detail, note: `${email} and ${email}`, n: 7 });
    const body = new TextEncoder().encode(`{"player":"${email}"}`);
    const others = letterOf("store-rejected", { [deadHeaders.detail]: "Key (player_email)=(bob@example.com)." });
    publishDead(queues, [hers, { ...letterOf("undecodable"), body }, others]);
    await untilKept(3);
    await sql.query(
      "insert into dead_letter_edits select id, 1, 11, now(), 1, 'anna', convert_to($1, 'UTF8') from dead_letters where id = 1",
      [`edit of ${email}`],
    );
    deepStrictEqual((await run(sql)).letters, 3);
    const { letters: [first, second, third] } = await table.page({ filter: {}, order: "oldest", limit: 10 });
    const stars = "*".repeat(email.length);
    deepStrictEqual(first!.detail, "Key (player_email)=((erased)) already exists.");
    deepStrictEqual([first!.headers["note"], first!.headers["n"]], [`${stars} and ${stars}`, 7]);
    deepStrictEqual(first!.headers[deadHeaders.detail], detail.replace(email, stars));
    deepStrictEqual(first!.body.toString(), new TextDecoder().decode(hers.body));
    deepStrictEqual(new TextDecoder().decode(second!.body), `{"player":"${stars}"}`);
    deepStrictEqual(third!.detail, "Key (player_email)=(bob@example.com).");
    const left =
      "select from dead_letters where dead_letters::text like $1 union all select from dead_letter_edits where body = $2";
    deepStrictEqual(await sql.query(left, [`%${email}%`, `edit of ${email}`]), []);
    deepStrictEqual((await run(sql)).letters, 0);
  });
});
