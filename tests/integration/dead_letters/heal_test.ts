/** Letters that found no rates are replayed automatically, once rates are steady: by one subscriber, a few times. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { replaysHeader } from "../../../shared/rabbitmq/message.ts";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../../shared/runtime/random.ts";
import { silentLog as log } from "../../../shared/runtime/telemetry/log.ts";
import { Healing } from "../../../subscriber/dead_letters/heal.ts";
import { JobTable } from "../../../subscriber/dead_letters/jobs/job_table.ts";
import { workIn } from "../../../subscriber/dead_letters/work.ts";
import { leaseOf } from "../../../subscriber/dead_letters/leases.ts";
import { letterOf } from "../../conformance/dead_letter_admin.ts";
import { publishDead, type TestLetters, withTestLetters } from "../../servers/test_letters.ts";

interface Tested extends TestLetters {
  readonly jobs: JobTable;
  rates: boolean;
  asked: number;
  /** Runs a round of the healing, `afterMs` later. */
  round(afterMs?: number, owner?: string): Promise<void>;
}

/** Starts with a letter that can be healed, a letter that was replayed three times, and a letter of another cause. */
function test(what: string, use: (tested: Tested) => Promise<void>): void {
  Deno.test(what, () =>
    withTestLetters(async (letters) => {
      letters.startKeeper();
      const worn = letterOf("rates-timeout", { [replaysHeader]: 3 });
      publishDead(letters.queues, [letterOf("rates-timeout"), worn, letterOf("invalid")]);
      await letters.untilKept(3);
      const { database } = letters;
      let ms = 0;
      const clock = { now: () => Date.now(), monotonic: () => ms } as unknown as Clock;
      const healings = new Map<string, Healing>();
      const tested: Tested = {
        ...letters,
        ...{ jobs: new JobTable(database), rates: true, asked: 0 },
        async round(afterMs = 5_000, owner = "one") {
          ms += afterMs;
          const ratesAreFresh = () => Promise.resolve(tested.asked++ >= 0 && tested.rates);
          const lease = leaseOf(database, "heal", owner);
          const options = { work: workIn(database, clock), database, ratesAreFresh, clock, random, log };
          const healing = healings.get(owner) ?? new Healing(options, lease);
          healings.set(owner, healing);
          await healing.round();
        },
      };
      await use(tested);
    }));
}

test("once rates have been fresh for 15 s, a job replays only the rates-timeout letters", async (tested) => {
  const { jobs, round } = tested;
  for (let n = 0; n < 3; n++) await round();
  deepStrictEqual(await jobs.list(), []);
  await round();
  const [job, ...others] = await jobs.list();
  deepStrictEqual([job?.act, job?.total, job?.createdBy, others], ["replay", 1, "the subscribers themselves", []]);
});

test("rates that come and go trigger no replay", async (tested) => {
  for (let n = 0; n < 9; n++) {
    tested.rates = n % 3 !== 0;
    await tested.round();
  }
  deepStrictEqual(await tested.jobs.list(), []);
});

test("one subscriber heals for all, at most once a minute, and not while its job is paused", async (tested) => {
  const { jobs, round, sql } = tested;
  await round();
  await round(20_000);
  await round(20_000, "other");
  await round(20_000, "other");
  const [job] = await jobs.list();
  await sql.query("update jobs set state = 'stopped'");
  await round();
  strictEqual((await jobs.list()).length, 1);
  await sql.query("update jobs set created_at = now() - interval '61 s', state = 'paused'");
  await round();
  strictEqual((await jobs.list()).length, 1);
  await jobs.lead(job!.id, "cancelled");
  await round();
  strictEqual((await jobs.list()).length, 2);
});

test("no subscriber requests rates while there is nothing to heal", async (tested) => {
  await tested.sql.query("update dead_letters set status = 'dropped' where replays = 0");
  await tested.round();
  strictEqual(tested.asked, 0);
  const leases = await tested.database.query("select name from dead_letter_leases where name = 'heal'", []);
  deepStrictEqual(leases, [], "nor is a lease written");
});
