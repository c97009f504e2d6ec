import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { type Act, Acts } from "../../../shared/postgres/acts.ts";
import { DatabasePool } from "../../../shared/postgres/pool.ts";
import { systemClock } from "../../../shared/runtime/clock.ts";
import { Forgetter } from "../../../subscriber/metrics/forget.ts";
import { RecordedLog } from "../../fixtures/recorded_telemetry.ts";
import type { Session } from "../../../shared/postgres/session.ts";
import { withTestSchema } from "../../servers/test_schema.ts";

const act: Act = { who: "anna", act: "replay", filter: { reason: "invalid" }, peer: "10.0.0.7", via: "subscriber-1" };
const done = () => ({ state: "done", affected: 3, result: '{"replayed":3}' }) as const;

async function withActs(use: (acts: Acts, sql: Session, log: RecordedLog) => Promise<void>): Promise<void> {
  await withTestSchema(async (sql, url) => {
    const pool = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 5_000, clock: systemClock });
    const log = new RecordedLog();
    await use(new Acts(pool, log), sql, log).finally(() => pool.close());
  });
}

Deno.test("Acts.record() writes the act before it runs, and completes it, in the table and in the log", async () => {
  await withActs(async (acts, sql, log) => {
    const stateOf = async () => (await sql.one<{ state: string }>("select state from acts")).state;
    strictEqual(await acts.record(act, stateOf, done), "begun");
    const [{ id: _, begun_at, ended_at, ...recorded }] = await acts.list(10) as [Awaited<ReturnType<Acts["list"]>>[0]];
    deepStrictEqual(recorded, { ...act, state: "done", affected: 3, result: '{"replayed":3}' });
    match(`${begun_at} ${ended_at}`, /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ?){2}$/);
    const [begun, ended] = [log.of("act.begun")[0]!.fields, log.of("act.ended")[0]!.fields];
    deepStrictEqual([begun["who"], ended["who"], ended["affected"], ended["state"]], ["anna", "anna", 3, "done"]);
  });
});

Deno.test("Acts.record() escapes text that Postgres cannot store, and the audit has it as it is shown", async () => {
  await withActs(async (acts) => {
    const unprintable = { ...act, filter: { text: "a\0b", "te\0xt": "x" } };
    await rejects(acts.record(unprintable, () => Promise.reject(new Error("no \0")), done), /no/);
    const [{ filter, state, result }] = await acts.list(1) as [Awaited<ReturnType<Acts["list"]>>[0]];
    deepStrictEqual([filter, state, result], [{ text: "a\\u0000b", "te\\u0000xt": "x" }, "failed", "no \\u0000"]);
  });
});

Deno.test("Acts.record() records an act's error, and rethrows it", async () => {
  await withActs(async (acts) => {
    await rejects(acts.record(act, () => Promise.reject(new Error("amqp://u:p@h is away")), done), /is away/);
    const [{ state, affected, result }] = await acts.list(1) as [Awaited<ReturnType<Acts["list"]>>[0]];
    deepStrictEqual([state, affected, result], ["failed", null, "amqp://u:***@h is away"]);
  });
});

Deno.test("Acts.record() runs no act that it cannot record, and logs an outcome that it cannot record", async () => {
  await withActs(async (acts, sql, log) => {
    await acts.record(act, () => sql.query("alter table acts rename to gone"), done);
    strictEqual(log.of("act.unrecorded").length, 1);
    let performed = false;
    await rejects(
      acts.record(act, () => Promise.resolve(performed = true), done),
      { name: "ActNotRecorded", message: /was not performed, because it cannot be recorded: .*"acts" does not exist/ },
    );
    strictEqual(performed, false);
  });
});

Deno.test("Forgetter makes a subscriber forget players whose erasure began after its start, until the erasure ends", async () => {
  await withTestSchema(async (sql, url) => {
    const pool = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs: 5_000, clock: systemClock });
    const acts = new Acts(pool, new RecordedLog());
    const erase = (player: string, perform: () => Promise<unknown> = () => Promise.resolve()) =>
      acts.record({ ...act, act: "erase", filter: { player } }, perform, done);
    const forgotten: bigint[] = [];
    const forgetter = new Forgetter(pool, { forget: (player) => forgotten.push(player) });
    const round = async () => {
      await forgetter.round();
      return forgotten.splice(0);
    };
    try {
      await erase("10");
      deepStrictEqual([await round(), await round()], [[], []]);
      await acts.record({ ...act, filter: { player: "12" } }, () => Promise.resolve(), done);
      await erase("-11", async () => deepStrictEqual([await round(), await round()], [[-11n], [-11n]]));
      await erase("13");
      deepStrictEqual([await round(), await round()], [[-11n, 13n], []]);
      await sql.query(
        "insert into acts (begun_at, who, act, filter, peer, via) values (now() - interval '2 hours', " +
          `'killed', 'erase', '{"player":"14"}', '', '')`,
      );
      deepStrictEqual([await round(), await round()], [[14n], []]);
    } finally {
      await pool.close();
    }
  });
});

Deno.test("Acts.list() returns pages, newest first", async () => {
  await withActs(async (acts) => {
    for (const who of ["a", "b", "c"]) await acts.record({ ...act, who }, () => Promise.resolve(), done);
    const first = await acts.list(2);
    const rest = await acts.list(2, first[1]!.id);
    deepStrictEqual([...first, ...rest].map(({ who }) => who), ["c", "b", "a"]);
  });
});
