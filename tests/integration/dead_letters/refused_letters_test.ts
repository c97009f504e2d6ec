/** Letters that Postgres refuses: one letter because of its values, or all because of the schema. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { KeeperState } from "../../../subscriber/dead_letters/keeper/keeper_state.ts";
import { publishDead, withTestLetters } from "../../servers/test_letters.ts";
import { eventually, inQueue } from "../../servers/test_queues.ts";
import { codes, details, kept, letters } from "../../servers/numbered_letters.ts";

Deno.test("a letter that Postgres rejects for its own content stays in its queue, and its neighbours are kept", async () => {
  await withTestLetters(async ({ queues, startKeeper, sql, untilKept }) => {
    await sql.query("alter table dead_letters add constraint refused check (detail <> 'amount -3')");
    const { log, logged } = codes();
    const keeper = startKeeper({ log });
    publishDead(queues, letters(8));
    await untilKept(7);
    ok(logged.some(({ event }) => event === "dead_letters.rejected"));
    publishDead(queues, letters(2, 8));
    await untilKept(9);
    await keeper.close();
    await inQueue(queues, queues.dead, 1);
  });
});

Deno.test("more letters that Postgres rejects than the prefetch do not stop the others", async () => {
  await withTestLetters(async ({ queues, startKeeper, sql }) => {
    await sql.query("alter table dead_letters add constraint refused check (detail not like 'amount -1%')");
    const state = new KeeperState(queues.dead);
    const keeper = startKeeper({ state });
    publishDead(queues, letters(500, 1_000));
    publishDead(queues, letters(10, 20_000));
    // `kept` is counted after the ack.
    await eventually("the others", () => state.kept === 10 || undefined);
    await keeper.close();
    await inQueue(queues, queues.dead, 500);
  });
});

const refuseAll = `
  create function refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;`;

/** What makes the schema refuse each letter, and what repairs it. */
const schemas: Readonly<Record<string, { readonly refuses: string; readonly mended: string; readonly says: RegExp }>> =
  {
    "a column without a default": {
      refuses: "alter table dead_letters add tenant int not null",
      mended: "alter table dead_letters alter tenant set default 1",
      says: /null value in column "tenant"/,
    },
    "a trigger": {
      refuses:
        `${refuseAll} create trigger refuse before insert on dead_letters for each row execute function refuse()`,
      mended: "drop trigger refuse on dead_letters",
      says: /not today/,
    },
    "a trigger at the commit": {
      refuses: `${refuseAll} create constraint trigger refuse after insert on dead_letters
      deferrable initially deferred for each row execute function refuse()`,
      mended: "drop trigger refuse on dead_letters",
      says: /not today/,
    },
  };

for (const [name, { refuses, mended, says }] of Object.entries(schemas)) {
  Deno.test(`letters that a schema refuses all, by ${name}, are held, and kept in order after the repair`, async () => {
    await withTestLetters(async (scene) => {
      const { queues, startKeeper, sql, untilKept } = scene;
      await sql.query(refuses);
      const state = new KeeperState(queues.dead);
      const { log, logged } = codes();
      const keeper = startKeeper({ state, log });
      const all = letters(300);
      publishDead(queues, all);
      await eventually("the keeper to hold", () => state.held);
      // The counts are complete once the broker has cancelled the keeper's consumer.
      await eventually("all to be counted", async () => {
        const { messageCount } = await queues.channel.checkQueue(queues.dead);
        return state.waiting > 0 && messageCount + state.waiting === all.length || undefined;
      });
      match(state.held!, says);
      const [problem, ...others] = state.problems({ clock });
      match(problem!, new RegExp(`do.* not accept them .*; this subscriber holds ${state.waiting} of them`));
      deepStrictEqual([others, state.rejected], [[], undefined]);
      await sql.query(mended);
      await untilKept(all.length);
      deepStrictEqual(await kept(scene), details(all));
      await eventually("nothing to wait", () => state.waiting === 0 && state.held === undefined || undefined);
      await keeper.close();
      await inQueue(queues, queues.dead, 0);
      const seen = logged.map(({ event }) => event);
      deepStrictEqual(seen, ["dead_letters.ready", "dead_letters.held", "dead_letters.kept_again"]);
    });
  });
}

for (const sqlState of ["P0001", "40001", "53100", "08006", "XX000"]) {
  Deno.test(`a letter that a trigger refuses by ${sqlState} is reported and tried again; the others are kept`, async () => {
    await withTestLetters(async ({ queues, startKeeper, sql, untilKept }) => {
      await sql.query(
        `create function refuse() returns trigger language plpgsql as $$ begin
           if new.detail = 'amount -3' then raise 'no threes' using errcode = '${sqlState}'; end if;
           return new;
         end $$;
         create trigger refuse before insert on dead_letters for each row execute function refuse()`,
      );
      const state = new KeeperState(queues.dead);
      const { log, logged } = codes();
      const keeper = startKeeper({ state, log, rejectedAgainMs: 100 });
      const all = letters(8);
      publishDead(queues, all);
      await untilKept(7);
      publishDead(queues, letters(8, 100));
      await untilKept(15);
      const rejected = { letters: 1, messageId: all[3]!.messageId, problem: "no threes" };
      await eventually("the rejected one", () => state.rejected);
      deepStrictEqual([state.rejected, state.waiting, state.held], [rejected, 1, undefined]);
      match(state.problems({ clock }).join(), new RegExp(`rejects the dead letter ${rejected.messageId} .no threes`));
      const lines = logged.filter(({ event }) => event === "dead_letters.rejected");
      deepStrictEqual(lines.map(({ messageId }) => messageId), [rejected.messageId]);
      await sql.query("drop trigger refuse on dead_letters");
      await untilKept(16);
      await eventually("nothing to be rejected", () => state.rejected === undefined || undefined);
      deepStrictEqual([state.waiting, state.problems({ clock })], [0, []]);
      await keeper.close();
      await inQueue(queues, queues.dead, 0);
    });
  });
}

Deno.test("letters that were rejected are kept after the repair, however many", async () => {
  await withTestLetters(async (scene) => {
    const { queues, startKeeper, sql, untilKept } = scene;
    await sql.query("alter table dead_letters add constraint refused check (detail not like 'amount -1%')");
    const state = new KeeperState(queues.dead);
    startKeeper({ state, rejectedAgainMs: 100 });
    const [bad, good] = [letters(500, 1_000), letters(10, 20_000)];
    publishDead(queues, bad);
    publishDead(queues, good);
    await untilKept(10);
    await eventually("all to be told", () => state.rejected?.letters === 500 || undefined);
    await sql.query("alter table dead_letters drop constraint refused");
    await untilKept(510);
    deepStrictEqual((await kept(scene)).toSorted(), details([...bad, ...good]).toSorted());
    await inQueue(queues, queues.dead, 0);
  });
});
