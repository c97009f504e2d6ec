/** One event never stops the others, and what is stored is what was meant: a subscriber's flow over an altered Postgres. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Event } from "../../shared/event/event.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { MemoryQueue } from "../../shared/rabbitmq/memory_queue.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { seededRandom } from "../../shared/runtime/random.ts";
import type { Enriched } from "../../subscriber/enriched/enriched.ts";
import { DatabaseGate } from "../../subscriber/pipeline/database_gate.ts";
import { createFlow } from "../../subscriber/pipeline/flow.ts";
import { Stats } from "../../subscriber/pipeline/stats.ts";
import { PostgresPlayers } from "../../subscriber/store/postgres_players.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { bet, deliveryOf, deposit, gameStart, someRates } from "../fixtures/deliveries.ts";
import { eventually } from "../fixtures/eventually.ts";
import { RecordedLog } from "../fixtures/recorded_telemetry.ts";
import { withTestSchema } from "../servers/test_schema.ts";

class Subscriber {
  readonly queue = new MemoryQueue();
  readonly gate = new DatabaseGate();
  readonly stats = new Stats();
  readonly reported: Enriched[] = [];

  constructor(readonly sql: Session) {}

  /** Publishes them, and waits until each is settled. */
  async settle(...events: readonly (Event | Delivery)[]): Promise<void> {
    this.queue.publish(...events.map((event) => "body" in event ? event : deliveryOf(event)));
    await eventually("all is settled", () => this.queue.ready + this.queue.unsettled === 0 || undefined);
  }

  async rows(): Promise<number> {
    return (await this.sql.one<{ rows: number }>("select count(*)::int as rows from events")).rows;
  }

  /** Each dead letter's reason and detail. */
  get letters(): string[] {
    return this.queue.dead.map(({ outcome: { reason, detail } }) => `${reason}: ${detail}`);
  }

  /** Asserts that what is counted and reported is what is stored. */
  async check(stored: number): Promise<void> {
    strictEqual(await this.rows(), stored);
    const { counted } = await this.sql.one("select coalesce(sum(events), 0)::int as counted from event_counts");
    const { bets } = await this.sql.one(`select coalesce((select sum(bets) from player_totals), 0) =
      (select count(*) from events where type = 'bet') as bets`);
    const ids = await this.sql.query<{ id: string }>("select message_id as id from events order by 1");
    deepStrictEqual([this.stats.stored, counted, bets], [stored, stored, true]);
    deepStrictEqual([...new Set(this.reported.map(({ messageId }) => messageId))].sort(), ids.map(({ id }) => id));
  }
}

interface Options {
  readonly batchSize?: number;
  /** Whether batches are still held at the end. */
  readonly leavesHeld?: boolean;
}

/** @param alter SQL, once a good event is stored: the subscriber's connections are open */
function test(
  what: string,
  alter: string,
  use: (subscriber: Subscriber) => Promise<void>,
  { batchSize = 500 }: Options = {},
): void {
  Deno.test(what, () =>
    withTestSchema(async (sql, url) => {
      const pool = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 10_000, clock });
      const subscriber = new Subscriber(sql);
      const { queue, gate, stats, reported } = subscriber;
      const runner = createFlow({
        ...{ queue, players: new PostgresPlayers(pool), store: new PostgresStore(pool, "s") },
        rates: { current: () => someRates, get: () => Promise.resolve(someRates) },
        report: (events) => Promise.resolve(void reported.push(...events)),
      }, {
        ...{ batchSize, batchesInFlight: 2, stats, gate },
        ...{ clock, random: seededRandom(1), log: new RecordedLog() },
      });
      const [stop, abandon] = [new AbortController(), new AbortController()];
      const running = runner.run(stop.signal, abandon.signal);
      try {
        await subscriber.settle(gameStart());
        await sql.query(alter);
        await use(subscriber);
      } finally {
        stop.abort();
        abandon.abort();
        await running.finally(() => pool.close());
      }
    }));
}

const many = (count: number) => Array.from({ length: count }, (_, i) => bet({ id: BigInt(1_000 + i) }));
const isHeld = (subscriber: Subscriber) =>
  eventually("the batch is held", () => subscriber.gate.refusals >= 3 && subscriber.gate.problem || undefined);

test(
  "a player without an e-mail: the events are stored, without one",
  "alter table players alter email drop not null; update players set email = null where id = 11",
  async (subscriber) => {
    await subscriber.settle(deposit({ playerId: 11n }), deposit({ playerId: 11n }), ...many(1_000));
    deepStrictEqual(subscriber.letters, []);
    await subscriber.check(1_003);
    const [row] = await subscriber.sql.query("select distinct player_email as email from events where player_id = 11");
    strictEqual(row!["email"], null);
    const described = await subscriber.sql.one("select min(description) as text from events where type = 'deposit'");
    match(String(described["text"]), /^Player #11 made a deposit/);
  },
);

const sameAgain = [bet({ id: 7n }), bet({ id: 7n })];
for (const neighbours of [0, 1_000]) {
  test(
    `another unique index, and ${neighbours} neighbours: the event is store-rejected with the constraint's name`,
    "create unique index one_of_each on events (event_id)",
    async (subscriber) => {
      await subscriber.settle(...sameAgain, ...many(neighbours));
      strictEqual(subscriber.letters.length, 1);
      match(subscriber.letters[0]!, /^store-rejected: .*"one_of_each".*Key \(event_id\)=\(7\) already exists/);
      await subscriber.check(2 + neighbours);
    },
  );

  test(
    `a trigger that raises, and ${neighbours} neighbours: the event is store-rejected with its words`,
    `create function refuse() returns trigger language plpgsql as $$ begin
       if new.amount > 1000000 then raise 'amount % is too large', new.amount; end if; return new; end $$;
     create trigger refuse before insert on events for each row execute function refuse()`,
    async (subscriber) => {
      await subscriber.settle(bet({ amount: 1_000_001n }), ...many(neighbours));
      deepStrictEqual(subscriber.letters, ["store-rejected: amount 1000001 is too large"]);
      await subscriber.check(1 + neighbours);
    },
  );

  test(
    `a player whose row cannot be read, and ${neighbours} neighbours: the events are store-rejected`,
    `alter table players rename to people; create view players as
       select id, last_signed_in_at, email || repeat('', 1 / (id - 77)::int) as email from people;
     insert into people (id, email) values (77, 'a@example.com')`,
    async (subscriber) => {
      await subscriber.settle(bet({ playerId: 77n }), ...many(neighbours), deposit({ playerId: 77n }));
      const words = 'store-rejected: what the step "player" needs could not be read: division by zero';
      deepStrictEqual(subscriber.letters, [words, words]);
      await subscriber.check(1 + neighbours);
    },
  );

  test(
    `a trigger that drops a row in silence, and ${neighbours} neighbours: the event is store-rejected, and counted nowhere`,
    `create function drop_row() returns trigger language plpgsql as $$ begin
       if new.amount = 13 then return null; end if; return new; end $$;
     create trigger no_thirteen before insert on events for each row execute function drop_row()`,
    async (subscriber) => {
      await subscriber.settle(bet({ amount: 13n }), ...many(neighbours));
      strictEqual(subscriber.letters.length, 1);
      match(subscriber.letters[0]!, /^store-rejected: Postgres did not take the row, and gave no error.* no_thirteen$/);
      await subscriber.check(1 + neighbours);
    },
  );
}

test(
  "poisonous events that fill all batches in flight stop no others",
  `create function refuse() returns trigger language plpgsql as $$ begin
     if new.amount > 1000000 then raise 'too large'; end if; return new; end $$;
   create trigger refuse before insert on events for each row execute function refuse()`,
  async (subscriber) => {
    await subscriber.settle(...Array.from({ length: 40 }, () => bet({ amount: 1_000_001n })), ...many(200));
    strictEqual(subscriber.letters.length, 40);
    await subscriber.check(201);
  },
  { batchSize: 10 },
);

const schemas = [
  {
    name: "a column that nobody writes, not null and without a default",
    alter: `alter table events add tenant int not null default 1; alter table events alter tenant drop default`,
    problem: /events\.tenant is not null, has no default, and is not written: give it a default/,
    mend: "alter table events alter tenant set default 1",
  },
  {
    name: "a partition that is missing",
    alter: `alter table events rename to old; create table events (like old including defaults)
      partition by range (created_at); create table before partition of events for values from (minvalue) to ('2020-1-1')`,
    problem: /no partition of relation "events" found for row; create the partition that is missing/,
    mend: "create table others partition of events default",
  },
  {
    name: "a trigger that refuses everything",
    alter: `create function refuse() returns trigger language plpgsql as $$ begin raise 'closed'; end $$;
     create trigger refuse before insert on events for each row execute function refuse()`,
    problem: /closed/,
    mend: "drop trigger refuse on events",
  },
  {
    name: "a trigger that drops everything",
    alter: `create function drop_row() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger drop_row before insert on events for each row execute function drop_row()`,
    problem: /did not take .*, and gave no error.* drop_row$/,
    mend: "drop trigger drop_row on events",
  },
  {
    name: "a totals table that is gone",
    alter: "alter table player_totals rename to gone",
    problem: /relation "player_totals" does not exist; run `deno task migrate`/,
    mend: "alter table gone rename to player_totals",
  },
  {
    name: "a players table that is gone",
    alter: "alter table players rename to gone",
    problem: /relation "players" does not exist/,
    mend: "alter table gone rename to players",
  },
  {
    name: "an amount that became numeric",
    alter: "alter table events alter amount type numeric",
    problem: /^events\.amount is of type numeric, not int8; alter it back$/,
    mend: "alter table events alter amount type bigint",
  },
  {
    name: "an amount in EUR that became double precision",
    alter: "alter table events alter amount_eur type double precision",
    problem: /^events\.amount_eur is of type float8, not int8; alter it back$/,
    mend: "alter table events alter amount_eur type bigint",
  },
];
for (const { name, alter, problem, mend } of schemas) {
  for (const count of [1, 1_000]) {
    test(
      `${name}: ${count} events are held, none is dead-lettered, and all are stored once it is mended`,
      alter,
      async (subscriber) => {
        const settled = subscriber.settle(...many(count));
        settled.catch(() => {});
        match(await isHeld(subscriber), problem);
        deepStrictEqual([subscriber.letters, subscriber.stats.stored], [[], 1]);
        await subscriber.sql.query(mend);
        await settled;
        deepStrictEqual([subscriber.letters, subscriber.stats.stored, subscriber.gate.isOpen], [[], 1 + count, true]);
        const sums = await subscriber.sql.one(
          "select count(*)::int as count, sum(amount)::int as sum, sum(amount_eur)::int as eur from events where type = 'bet'",
        );
        deepStrictEqual(sums, { count, sum: 500 * count, eur: 467 * count });
      },
    );
  }
}

test(
  "an e-mail of 64 KiB on a player with 2,000 events in hand: they are stored, and it is cut",
  "update players set email = repeat('x', 65536) where id = 11",
  async (subscriber) => {
    await subscriber.settle(...many(2_000));
    await subscriber.check(2_001);
    const lengths = await subscriber.sql.one(
      "select max(length(player_email)) as email, max(length(description)) as description from events",
    );
    strictEqual(lengths["email"], 1_001);
    ok(Number(lengths["description"]) < 1_200);
  },
  { batchSize: 2_000 },
);

const id = "0190f3f5-3a00-7000-8000-000000000001";
for (const batchSize of [1, 500]) {
  test(
    `events under an id that is known, in batches of ${batchSize}: duplicates count as such, others are id-conflicts`,
    "select",
    async (subscriber) => {
      const [first, ...others] = Array.from(
        { length: 10 },
        (_, n) => deposit({ amount: n === 0 ? 1n : 999_999n + BigInt(n) }),
      );
      const sent = [first!, first!, ...others, first!].map((event) => deliveryOf(event, id));
      // One after the other: the first to come is the one that is stored.
      if (batchSize === 1) { for (const delivery of sent) await subscriber.settle(delivery); }
      else await subscriber.settle(...sent);
      await subscriber.check(2);
      deepStrictEqual(await subscriber.sql.query("select amount from events where type = 'deposit'"), [{
        amount: "1",
      }]);
      const told = subscriber.reported.filter(({ messageId }) => messageId === id);
      deepStrictEqual(new Set(told.map(({ event }) => "amount" in event && event.amount)), new Set([1n]));
      if (batchSize > 1) strictEqual(told.length, 1);
      deepStrictEqual([subscriber.stats.duplicates, subscriber.stats.dead.get("id-conflict")], [2, 9]);
      match(
        subscriber.letters[0]!,
        /^id-conflict: .* of another event: .*"amount":1,.* is stored, .*"amount":1000000,/,
      );
    },
    { batchSize },
  );
}

test(
  "a duplicate is reported as it is stored, whatever is known of its player by now",
  "update players set email = 'new@example.com' where id = 11",
  async (subscriber) => {
    await subscriber.settle(deliveryOf(bet(), id));
    await subscriber.sql.query("update players set email = 'newer@example.com' where id = 11");
    await subscriber.settle(deliveryOf(bet(), id));
    const [first, again] = subscriber.reported.filter(({ messageId }) => messageId === id);
    deepStrictEqual([again!.player, again!.description, again!.price], [
      first!.player,
      first!.description,
      first!.price,
    ]);
    strictEqual(again!.player?.email, "new@example.com");
  },
);
