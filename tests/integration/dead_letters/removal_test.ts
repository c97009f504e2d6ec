/** Old letters that were dealt with are removed, by one subscriber for all; letters with status dead never are. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { JobTable } from "../../../subscriber/dead_letters/jobs/job_table.ts";
import { leaseOf } from "../../../subscriber/dead_letters/leases.ts";
import { keepRemoving, removeOld } from "../../../subscriber/dead_letters/remove_old.ts";
import { letterOf } from "../../conformance/dead_letter_admin.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { RecordedLog } from "../../fixtures/recorded_telemetry.ts";
import { actor, publishDead, type TestLetters, withTestLetters } from "../../servers/test_letters.ts";

const days = 90;
const signal = new AbortController().signal;

interface Tested extends TestLetters {
  /** Sets the age of letters: since they were kept, and since an operator acted on them. */
  age(reason: string, keptDays: number, actedDays: number | undefined, status?: string): Promise<void>;
  /** The reasons of the remaining letters. */
  left(): Promise<string[]>;
  remove(owner?: string): ReturnType<typeof removeOld>;
}

/** Starts with a letter of each reason. */
function test(what: string, reasons: readonly string[], use: (tested: Tested) => Promise<void>): void {
  Deno.test(what, () =>
    withTestLetters(async (letters) => {
      const { sql, database } = letters;
      letters.startKeeper();
      publishDead(letters.queues, reasons.map((reason) => letterOf(reason)));
      await letters.untilKept(reasons.length);
      await use({
        ...letters,
        async age(reason, keptDays, actedDays, status = "dropped") {
          await sql.query(
            `update dead_letters set status = $2, kept_at = now() - $3::numeric * interval '1 day',
               acted_at = now() - $4::numeric * interval '1 day' where reason = $1`,
            [reason, status, keptDays, actedDays ?? null],
          );
        },
        async left() {
          const rows = await sql.query<{ reason: string }>("select reason from dead_letters order by reason");
          return rows.map(({ reason }) => reason);
        },
        remove: (owner = "one") => removeOld(leaseOf(database, "remove", owner), { database, days }),
      });
    }));
}

const kinds = ["dead", "dropped", "replayed", "resolved", "resolved-lately", "young"];

test("letters that were dealt with long ago are removed with their edits, and no others", kinds, async (tested) => {
  const { age, sql, left, remove } = tested;
  await age("dead", 1_000, 1_000, "dead");
  for (const status of ["dropped", "replayed"]) await age(status, 100, 90.1, status);
  for (const reason of ["resolved", "resolved-lately"]) await age(reason, 1_000, undefined, "resolved");
  await age("young", 100, 89.9);
  await sql.query("update dead_letters set stored_at = now() where reason = 'resolved-lately'");
  await sql.query(
    `insert into dead_letter_edits (letter, event_id, player_id, number, edited_by, body)
     select id, 1, 11, 1, 'anna', '' from dead_letters where reason in ('dropped', 'dead')`,
  );
  deepStrictEqual(await remove(), { letters: 3, jobs: 0 });
  deepStrictEqual(await left(), ["dead", "resolved-lately", "young"]);
  deepStrictEqual((await sql.query("select from dead_letter_edits")).length, 1);
});

test("a drop can be undone until that age, and a restored letter stays", ["dropped"], async (tested) => {
  const { age, admin, left, remove } = tested;
  await age("dropped", 100, 89.9);
  await remove();
  strictEqual(await admin.undo({ filter: {}, signal, by: actor }), 1);
  await tested.sql.query("update dead_letters set acted_at = now() - interval '200 days'");
  deepStrictEqual(await remove(), { letters: 0, jobs: 0 });
  deepStrictEqual(await left(), ["dropped"]);
});

test("jobs that ended long ago are removed; running and paused ones stay", [], async (tested) => {
  const { database, sql, remove } = tested;
  const jobs = new JobTable(database);
  for (const state of ["running", "paused", "cancelled", "done", "stopped"]) {
    const { id } = await jobs.create({ act: "drop", filter: {} }, crypto.randomUUID(), actor);
    await sql.query("update jobs set state = $2, finished_at = now() - interval '91 days' where id = $1::uuid", [
      ...[id, state],
    ]);
  }
  await jobs.create({ act: "drop", filter: {} }, crypto.randomUUID(), actor);
  await sql.query("update jobs set state = 'done', finished_at = now() where finished_at is null");
  deepStrictEqual(await remove(), { letters: 0, jobs: 3 });
  deepStrictEqual((await jobs.list()).map(({ state }) => state).sort(), ["done", "paused", "running"]);
});

test("one subscriber removes for all, thousands of letters in chunks", ["dropped"], async (tested) => {
  const { age, sql, left, remove } = tested;
  await sql.query(
    `insert into dead_letters (letter_key, message_id, attempts, replays, by_broker, cause_group, reason, cause, detail,
       exchange, routing_key, properties, body)
     select gen_random_uuid(), message_id, 1, 0, false, cause_group, reason, cause, '', '', '', properties, body
     from dead_letters, generate_series(1, 1200)`,
  );
  await age("dropped", 100, 100);
  await remove("one");
  deepStrictEqual(await left(), []);
  await sql.query("update dead_letter_leases set owner = 'another', until = now() + interval '1 hour'");
  deepStrictEqual(await remove("one"), { letters: 0, jobs: 0 });
});

test("a lease of another subscriber prevents any removal", ["dropped"], async (tested) => {
  const { age, database, left, remove } = tested;
  await age("dropped", 100, 100);
  strictEqual(await leaseOf(database, "remove", "another").hold(), true);
  await remove("one");
  deepStrictEqual(await left(), ["dropped"]);
});

test(
  "a subscriber removes letters by itself and logs the number, and none with 0 days",
  ["dropped"],
  async (tested) => {
    const { age, database, left } = tested;
    await age("dropped", 100, 100);
    const stop = new AbortController();
    const log = new RecordedLog();
    const options = { database, owner: "one", clock, log };
    await keepRemoving({ ...options, days: 0 }, stop.signal);
    deepStrictEqual(await left(), ["dropped"]);
    const removing = keepRemoving({ ...options, days }, stop.signal);
    const [removed] = await eventually("a record of it", () => {
      const found = log.of("dead_letters.removed");
      return Promise.resolve(found.length > 0 ? found : undefined);
    });
    stop.abort();
    await removing;
    deepStrictEqual([removed!.fields["letters"], removed!.fields["jobs"], await left()], [1, 0, []]);
  },
);
