/** More cases of poison_test.ts: errors of other servers, times beyond a calendar, and rows deleted at the commit. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { bet, deliveryOf } from "../fixtures/deliveries.ts";
import { eventually } from "../fixtures/eventually.ts";
import { Session } from "../../shared/postgres/session.ts";
import { lockingPlayers, many, test } from "../servers/altered_postgres.ts";
import { withoutPartitions } from "../servers/test_schema.ts";

const id = "0190f3f5-3a00-7000-8000-000000000001";

for (const time of ["20000-01-01", "0044-03-15 BC", "294276-12-31", "4713-01-02 BC", "infinity", "-infinity"]) {
  test(
    `a player who signed in at ${time}: its event comes again, is reported, and stops no neighbour`,
    `update players set last_signed_in_at = '${time}' where id = 11`,
    async (subscriber) => {
      const delivery = deliveryOf(bet({ playerId: 11n }), id);
      await subscriber.settle(delivery);
      await subscriber.settle(delivery, ...many(20));
      deepStrictEqual([subscriber.letters, subscriber.stats.duplicates, subscriber.stats.failures], [[], 1, 0]);
      const [first, again] = subscriber.reported.filter(({ messageId }) => messageId === id);
      deepStrictEqual(again!.player, first!.player);
      await subscriber.check(22);
    },
  );
}

test(
  "a unique index over player, type and time: only the second event is store-rejected",
  `${withoutPartitions} create unique index no_twice on events (player_id, type, created_at)`,
  async (subscriber) => {
    await subscriber.settle(bet({ playerId: 5n, id: 1n }));
    await subscriber.settle(bet({ playerId: 5n, id: 2n }));
    strictEqual(subscriber.letters.length, 1);
    match(subscriber.letters[0]!, /^store-rejected: .*"no_twice"/);
    await subscriber.check(2);
  },
);

for (const neighbours of [0, 1_000]) {
  test(
    `a deferred trigger that deletes a row, and ${neighbours} neighbours: the event is store-rejected, and counted nowhere`,
    `create function delete_row() returns trigger language plpgsql as $$ begin
       if new.amount = 13 then delete from events where message_id = new.message_id; end if; return null; end $$;
     create constraint trigger no_thirteen after insert on events deferrable initially deferred
       for each row execute function delete_row()`,
    async (subscriber) => {
      await subscriber.settle(bet({ amount: 13n }), ...many(neighbours));
      strictEqual(subscriber.letters.length, 1);
      match(subscriber.letters[0]!, /^store-rejected: Postgres ignored the row without an error/);
      await subscriber.check(1 + neighbours);
    },
  );
}

test(
  "a trigger that asks for a database that is down, for one event: the event is held alone, and all others are stored",
  `create function ask_other() returns trigger language plpgsql as $$ begin
     if new.amount = 13 then perform pg_database_size('nowhere'); end if; return new; end $$;
   create trigger ask_other before insert on events for each row execute function ask_other()`,
  async (subscriber) => {
    const settled = subscriber.settle(bet({ amount: 13n }), ...many(200));
    settled.catch(() => {});
    await eventually("all others are stored", async () => await subscriber.rows() === 201 || undefined);
    match(subscriber.gate.problem!, /database "nowhere" does not exist/);
    deepStrictEqual(subscriber.letters, []);
    await subscriber.sql.query("drop trigger ask_other on events");
    await settled;
    deepStrictEqual([subscriber.letters, subscriber.gate.isOpen], [[], true]);
    await subscriber.check(202);
  },
  { speed: 50, batchSize: 100 },
);

test(
  "a session that locks a row that a trigger needs: the search for the event waits for 500 ms at a time, not for DATABASE_TIMEOUT_MS",
  `${lockingPlayers} insert into locks values (77)`,
  async (subscriber) => {
    await subscriber.settle(bet({ playerId: 77n }));
    // The probe copies the last stored event, so the last one must be of another player.
    await subscriber.settle(bet({ id: 1n }));
    await using rival = new Session(subscriber.url, { name: "casino-test" });
    const { settled } = await rival.transaction(async (ask) => {
      await ask("select from locks where player_id = 77 for update");
      const settled = subscriber.settle(
        ...many(50),
        bet({ playerId: 77n }),
        ...many(49).map((event) => ({ ...event, id: event.id + 1_000n })),
      );
      settled.catch(() => {});
      // About a dozen attempts, each of which would wait for 9 s.
      await eventually("all others are stored", async () => await subscriber.rows() === 102);
      match(subscriber.gate.problem ?? "lock timeout", /lock timeout/);
      return { settled };
    });
    await settled;
    deepStrictEqual([subscriber.letters, subscriber.gate.isOpen], [[], true]);
    await subscriber.check(103);
  },
  { speed: 50, batchSize: 100 },
);
