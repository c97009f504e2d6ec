/** One event never stops the others, and rows hold what was meant: a subscriber's pipeline on an altered Postgres. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Event } from "../../shared/event/event.ts";
import { Session } from "../../shared/postgres/session.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { storedEventJson } from "../../subscriber/enriched/json_line.ts";
import { bet, deliveryOf, deposit } from "../fixtures/deliveries.ts";
import { eventually } from "../fixtures/eventually.ts";
import { isHeld, lockingPlayers, many, type Options, test } from "../servers/altered_postgres.ts";
import { withoutPartitions } from "../servers/test_schema.ts";

test(
  "a player without an e-mail: the events are stored without one",
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
    `${withoutPartitions} create unique index one_of_each on events (event_id)`,
    async (subscriber) => {
      await subscriber.settle(...sameAgain, ...many(neighbours));
      strictEqual(subscriber.letters.length, 1);
      match(subscriber.letters[0]!, /^store-rejected: .*"one_of_each".*Key \(event_id\)=\(7\) already exists/);
      await subscriber.check(2 + neighbours);
    },
  );

  test(
    `a trigger that raises, and ${neighbours} neighbours: the event is store-rejected with its message`,
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
      const words = 'store-rejected: the step "player" could not read its data: division by zero';
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
      match(subscriber.letters[0]!, /^store-rejected: Postgres ignored the row without an error.* no_thirteen$/);
      await subscriber.check(1 + neighbours);
    },
  );
}

test(
  "poison messages that fill all batches in flight do not stop other events",
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

/** SQLSTATEs of a database that is full, busy or shutting down, or accepts no login. */
const codesOfOutages = ["53400", "40001", "57P03", "28000", "55P03", "25001"];

function raising(code: string, condition = "true"): string {
  return before(`if ${condition} then raise 'not now' using errcode = '${code}'; end if`);
}

function sleeping(condition: string): string {
  return before(`if ${condition} then perform pg_sleep(60); end if`);
}

function before(statements: string): string {
  return `create function refuse() returns trigger language plpgsql as $$ begin ${statements}; return new; end $$;
    create trigger refuse before insert on events for each row execute function refuse()`;
}

for (const code of codesOfOutages) {
  for (const neighbours of [0, 1_000]) {
    test(
      `a trigger that raises ${code}, like a database that is away, and ${neighbours} neighbours: the event is store-rejected with its message`,
      raising(code, "new.amount > 1000000"),
      async (subscriber) => {
        await subscriber.settle(bet({ amount: 1_000_001n }), ...many(neighbours));
        deepStrictEqual(subscriber.letters, ["store-rejected: not now"]);
        await subscriber.check(1 + neighbours);
      },
      { speed: 50 },
    );
  }
}

test(
  "a trigger that sleeps beyond DATABASE_TIMEOUT_MS for events in all batches: they are store-rejected, and do not stop others",
  sleeping("new.amount > 1000000"),
  async (subscriber) => {
    await subscriber.settle(...[1, 2, 3].map(() => bet({ amount: 1_000_001n })), ...many(1_000));
    const words = "store-rejected: canceling statement due to statement timeout";
    deepStrictEqual(subscriber.letters, [words, words, words]);
    await subscriber.check(1_001);
  },
  { speed: 50, timeoutMs: 300 },
);

test(
  "a session that locks a row that a trigger needs: the player's events are held until it ends, and all others are stored",
  `${lockingPlayers} insert into locks values (77)`,
  async (subscriber) => {
    await subscriber.settle(bet({ playerId: 77n }));
    await using rival = new Session(subscriber.url, { name: "casino-test" });
    const settled = await rival.transaction(async (ask) => {
      await ask("select from locks where player_id = 77 for update");
      const settled = subscriber.settle(...many(500), bet({ playerId: 77n }), ...many(500).map(again));
      settled.catch(() => {});
      await eventually("all others are stored", async () => await subscriber.rows() === 1_002 || undefined);
      const { refusals } = subscriber.gate;
      await eventually("as many holds as would do", () => subscriber.gate.refusals > refusals + 20 || undefined);
      deepStrictEqual(subscriber.letters, []);
      match(subscriber.gate.problem!, /lock timeout/);
      return { settled };
    });
    await settled.settled;
    deepStrictEqual([subscriber.letters, subscriber.gate.isOpen], [[], true]);
    await subscriber.check(1_003);
  },
  { speed: 50, timeoutMs: 300, batchSize: 100 },
);

const again = (event: Event) => ({ ...event, id: event.id + 1_000n });
const onDay = (text: string) => bet({ createdAt: { seconds: Date.parse(text) / 1_000, nanos: 0 } });
test(
  "a partition that is missing for today while older events come: today's events are held until it exists, and only an event of a time far away is dead-lettered",
  `alter table events rename to old; create table events (like old including defaults) partition by range (created_at);
   create table before partition of events for values from ('2020-1-1') to ('2023-1-1');
   insert into events select * from old`,
  async (subscriber) => {
    const today = new Date(clock.now()).toISOString();
    const settled = subscriber.settle(onDay(today), ...many(200), onDay(today));
    settled.catch(() => {});
    for (let n = 1; n <= 10; n++) {
      subscriber.queue.publish(...many(10).map((event) => deliveryOf({ ...event, id: event.id + BigInt(n) * 1_000n })));
      await eventually("older events are stored", async () => await subscriber.rows() === 201 + 10 * n || undefined);
    }
    // The outcomes of a batch come together. In one batch with today's events, these events would wait too.
    subscriber.queue.publish(deliveryOf(onDay("2199-01-01")), deliveryOf(onDay("1970-01-01")));
    await eventually("letters", () => subscriber.letters.length === 2 || undefined);
    const words = 'store-rejected: no partition of relation "events" found for row';
    deepStrictEqual(subscriber.letters, [words, words]);
    strictEqual(subscriber.gate.problem, `${words.slice(16)}; create the partition that is missing`);
    await subscriber.sql.query("create table others partition of events default");
    await settled;
    deepStrictEqual([subscriber.letters.length, subscriber.gate.isOpen], [2, true]);
    await subscriber.check(303);
  },
  { batchSize: 50 },
);

const schemas: readonly {
  readonly name: string;
  readonly alter: string;
  readonly problem: RegExp;
  readonly mend: string;
  readonly options?: Options;
}[] = [
  {
    name: "an unwritten column, not null and without a default",
    alter: `alter table events add tenant int not null default 1; alter table events alter tenant drop default`,
    problem: /events\.tenant is not null and has no default, and this version does not write it: give it a default/,
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
    name: "a trigger that rejects every row",
    alter: `create function refuse() returns trigger language plpgsql as $$ begin raise 'closed'; end $$;
     create trigger refuse before insert on events for each row execute function refuse()`,
    problem: /closed/,
    mend: "drop trigger refuse on events",
  },
  {
    name: "a trigger that drops every row",
    alter: `create function drop_row() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger drop_row before insert on events for each row execute function drop_row()`,
    problem: /ignored .* without an error.* drop_row$/,
    mend: "drop trigger drop_row on events",
  },
  {
    name: "a missing totals table",
    alter: "alter table batch_totals rename to gone",
    problem: /relation "batch_totals" does not exist; run `deno task migrate`/,
    mend: "alter table gone rename to batch_totals",
  },
  {
    name: "a missing players table",
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
  ...codesOfOutages.map((code) => ({
    name: `a trigger that raises ${code} for everything`,
    alter: raising(code),
    problem: /^not now$/,
    mend: "drop trigger refuse on events",
  })),
  {
    name: "a trigger that takes too long for every row",
    alter: sleeping("true"),
    problem: /^canceling statement due to statement timeout$/,
    mend: "drop trigger refuse on events",
    options: { timeoutMs: 300 },
  },
  {
    name: "a time that became timestamptz(0)",
    alter: "alter table events alter created_at type timestamptz(0)",
    problem:
      /^events\.created_at is of type timestamp\(0\) with time zone, which rounds .*; alter it back to timestamptz$/,
    mend: "alter table events alter created_at type timestamptz",
  },
  {
    name: "a trigger that drops all rows of batch_totals",
    alter: `create function drop_row() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger no_row before insert on batch_totals for each row execute function drop_row()`,
    problem: /ignored the rows added to batch_totals without an error.* no_row$/,
    mend: "drop trigger no_row on batch_totals",
  },
];
for (const { name, alter, problem, mend, options } of schemas) {
  for (const count of [1, 1_000]) {
    test(
      `${name}: ${count} events are held, none is dead-lettered, and all are stored after the repair`,
      alter,
      async (subscriber) => {
        const settled = subscriber.settle(...many(count));
        settled.catch(() => {});
        await isHeld(subscriber, problem);
        deepStrictEqual([subscriber.letters, subscriber.stats.stored], [[], 1]);
        await subscriber.sql.query(mend);
        await settled;
        deepStrictEqual([subscriber.letters, subscriber.stats.stored, subscriber.gate.isOpen], [[], 1 + count, true]);
        const sums = await subscriber.sql.one(
          "select count(*)::int as count, sum(amount)::int as sum, sum(amount_eur)::int as eur from events where type = 'bet'",
        );
        deepStrictEqual(sums, { count, sum: 500 * count, eur: 467 * count });
      },
      options,
    );
  }
}

test(
  "an e-mail of 64 KiB on a player with 2,000 events in hand: the events are stored, and the e-mail is cut",
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
      // One after another: the first event is the stored one.
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
        /^id-conflict: .* belongs to another event: .*"amount":1,.* is stored, .*"amount":1000000,/,
      );
    },
    { batchSize },
  );
}

test(
  "a duplicate is reported as stored, whatever its player's data is now",
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

const createdAt = { seconds: 1_700_000_000, nanos: 600_000_000 };
for (const batchSize of [1, 500]) {
  test(
    `a trigger that rewrites rows, in batches of ${batchSize}: the same event is a duplicate, another one is an id-conflict`,
    `create function rewrite() returns trigger language plpgsql as $$ begin
       new.description := lower(new.description); new.created_at := date_trunc('second', new.created_at);
       new.currency := lower(new.currency); return new; end $$;
     create trigger rewrite before insert on events for each row execute function rewrite()`,
    async (subscriber) => {
      const [same, other] = [500n, 501n].map((amount) => bet({ amount, createdAt }));
      await subscriber.settle(deliveryOf(same!, id));
      await subscriber.settle(
        ...[same!, other!, same!, { ...other!, amount: 502n }].map((event) => deliveryOf(event, id)),
      );
      deepStrictEqual([subscriber.stats.duplicates, subscriber.letters.length], [2, 2]);
      match(subscriber.letters.sort()[0]!, /^id-conflict: .*"amount":500,.* is stored, this event is .*"amount":501,/);
      await subscriber.check(2);
    },
    { batchSize },
  );
}

test(
  "a trigger that rewrites rows and refuses some: a refused event is an id-conflict, and its neighbours are not",
  `create function rewrite() returns trigger language plpgsql as $$ begin
     if new.amount > 1000 then raise 'too large'; end if;
     new.created_at := date_trunc('second', new.created_at); return new; end $$;
   create trigger rewrite before insert on events for each row execute function rewrite()`,
  async (subscriber) => {
    const [same, large] = [500n, 1_001n].map((amount) => bet({ amount, createdAt }));
    await subscriber.settle(deliveryOf(same!, id));
    await subscriber.settle(...[same!, large!, same!].map((event) => deliveryOf(event, id)));
    deepStrictEqual([subscriber.stats.duplicates, subscriber.letters.length], [2, 1]);
    match(subscriber.letters[0]!, /^id-conflict: .*"amount":1001,/);
    await subscriber.check(2);
  },
);

test("a redelivered event under a column that rounds is held, and is no id-conflict", "select", async (subscriber) => {
  const delivery = deliveryOf(bet({ createdAt }), id);
  await subscriber.settle(delivery);
  await subscriber.sql.query("alter table events alter created_at type timestamptz(0)");
  const settled = subscriber.settle(delivery);
  settled.catch(() => {});
  await isHeld(subscriber, /^events\.created_at is of type timestamp\(0\)/);
  await subscriber.sql.query(`alter table events alter created_at type timestamptz;
    update events set created_at = created_at - interval '0.4 s' where message_id = '${id}'`);
  await settled;
  deepStrictEqual([subscriber.stats.duplicates, subscriber.letters], [1, []]);
});

test(
  "the id that a publisher sent is stored and reported, printable and cut, and does not distinguish events",
  "select",
  async (subscriber) => {
    const delivery = deliveryOf(bet(), id);
    const sent = [delivery, { ...delivery, sentId: id.toUpperCase() }, deliveryOf(deposit())];
    const shown: (string | undefined)[] = [undefined, undefined, undefined];
    for (
      const [sentId, as] of [["order-17", "order-17"], ["a\u0000\u001b[31m", "a\\u0000\\u001b[31m"], [
        "é".repeat(300),
        `${"é".repeat(255)}…`,
      ]]
    ) {
      sent.push({ ...deliveryOf(deposit()), sentId: sentId! });
      shown.push(as);
    }
    for (const each of sent) await subscriber.settle(each);
    deepStrictEqual([subscriber.letters, subscriber.stats.duplicates], [[], 1]);
    await subscriber.check(6);
    for (const [n, { messageId }] of sent.entries()) {
      const row = await subscriber.sql.one(`select sent_id from events where message_id = '${messageId}'`);
      const reported = subscriber.reported.filter((each) => each.messageId === messageId);
      deepStrictEqual([row["sent_id"], ...reported.map(({ sentId }) => sentId)], [
        shown[n] ?? null,
        ...reported.map(() => shown[n]),
      ]);
      strictEqual(JSON.parse(storedEventJson(reported[0]!)).sent_id, shown[n]);
    }
  },
);
