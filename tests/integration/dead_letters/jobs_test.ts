/**
 * Jobs on a real table: finished work stays done when a process dies, no two subscribers replay one letter, and failing
 * replays stop.
 */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import type { Database } from "../../../shared/postgres/pool.ts";
import type { Filter } from "../../../shared/rabbitmq/dead/admin.ts";
import type { Delivery } from "../../../shared/rabbitmq/delivery.ts";
import type { OutgoingMessage } from "../../../shared/rabbitmq/message.ts";
import { deadHeaders } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import { PublishError } from "../../../shared/rabbitmq/publish/publisher.ts";
import { deadLetterExchangeOf } from "../../../shared/rabbitmq/topology.ts";
import { type Clock, systemClock } from "../../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../../shared/runtime/random.ts";
import type { Job, JobOrder } from "../../../subscriber/dead_letters/jobs/job.ts";
import { keepLease } from "../../../subscriber/dead_letters/jobs/job_runner.ts";
import { JobTable } from "../../../subscriber/dead_letters/jobs/job_table.ts";
import { runJob } from "../../../subscriber/dead_letters/jobs/run_job.ts";
import { letterOf } from "../../conformance/dead_letter_admin.ts";
import { never } from "../../conformance/queue/subject.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { actor, publishDead, type TestLetters, withTestLetters } from "../../servers/test_letters.ts";

interface Jobs extends TestLetters {
  readonly jobs: JobTable;
  /** The published messages by message id, repeats included. */
  readonly published: Map<string, OutgoingMessage[]>;
  order(order: Partial<JobOrder>): Promise<Job>;
  /** Takes the job and runs it until it ends or stops. */
  run(owner?: string, changes?: { publish?: Publish; database?: Database }): Promise<Job>;
}

type Publish = (message: OutgoingMessage) => Promise<void>;

/** A clock whose sleeps end at once, so that the ramp of the rate is over soon. */
function swift(): Clock {
  let ms = 0;
  return { now: () => Date.now(), monotonic: () => ms, sleep: (more) => Promise.resolve(void (ms += more)) };
}

function test(what: string, use: (jobs: Jobs) => Promise<void>): void {
  Deno.test(what, () =>
    withTestLetters(async (letters) => {
      letters.startKeeper();
      const jobs = new JobTable(letters.database);
      const published = new Map<string, OutgoingMessage[]>();
      const note: Publish = (message) =>
        Promise.resolve(void published.set(message.messageId, [...published.get(message.messageId) ?? [], message]));
      await use({
        ...{ ...letters, jobs, published },
        order: (order) => jobs.create({ act: "replay", filter: {}, ...order }, crypto.randomUUID(), actor),
        async run(owner = "one", { publish = note, database = letters.database } = {}) {
          const job = await jobs.take(owner);
          if (!job) throw new Error("there is no job to take");
          const publisher = {
            connected: true,
            async publish(message: OutgoingMessage) {
              await publish(message);
              if (publish !== note) await note(message);
            },
          };
          const options = { database, owner, exchange: letters.queues.events, publisher, clock: swift(), random };
          await runJob(job, { ...options, stop: never });
          return (await jobs.get(job.id))!;
        },
      });
    }));
}

async function bury({ queues, rows, untilKept }: TestLetters, letters: readonly Delivery[]): Promise<void> {
  const before = await rows();
  publishDead(queues, letters);
  await untilKept(before + letters.length);
}

function some(count: number, reason = "invalid"): Delivery[] {
  return Array.from({ length: count }, (_, n) => letterOf(reason, { n, [deadHeaders.detail]: `amount -${n}` }));
}

async function statuses({ sql }: TestLetters): Promise<Record<string, number>> {
  const rows = await sql.query<{ status: string; letters: number }>(
    "select status, count(*)::int as letters from dead_letters group by status",
  );
  return Object.fromEntries(rows.map(({ status, letters }) => [status, letters]));
}

function times(published: ReadonlyMap<string, readonly unknown[]>): Set<number> {
  return new Set(Array.from(published.values(), ({ length }) => length));
}

function expireLease({ sql }: TestLetters) {
  return sql.query("update jobs set lease_until = now() - interval '1 s'");
}

/** A database that fails like that of a killed process when it should mark letters as published. */
function killedAfter(database: Database, batches: number): Database {
  return {
    copyIn: (...args) => database.copyIn(...args),
    query(text, parameters) {
      const marks = text.includes("with marked as");
      if (marks && batches-- <= 0) return Promise.reject(new Error("killed"));
      return database.query(text, parameters);
    },
  };
}

test("a job whose filter has text that Postgres cannot store is accepted, and is of no letter", async (letters) => {
  const { order, jobs } = letters;
  await bury(letters, [letterOf("invalid")]);
  const { id, total } = await order({ filter: { text: "\0", reasons: ["in\0valid"] } });
  deepStrictEqual([total, (await jobs.get(id))?.filter.text], [0, "\u{fffd}"]);
});

test("a job replays the letters that matched at its start, each once, and counts them", async (world) => {
  await bury(world, [...some(250), ...some(5, "undecodable")]);
  const job = await world.order({ filter: { reasons: ["invalid"] } });
  await bury(world, some(3));
  strictEqual(job.total, 250);
  const { state, done, refused, failed } = await world.run();
  deepStrictEqual([state, done, refused, failed], ["done", 250, 0, 0]);
  deepStrictEqual([world.published.size, times(world.published)], [250, new Set([1])]);
  deepStrictEqual(await statuses(world), { dead: 8, replayed: 250 });
});

test("a job that is killed twice between publish and mark continues elsewhere, loses no letter and counts each once", async (world) => {
  const { database, published } = world;
  await bury(world, some(300));
  const { id } = await world.order({ rate: 50 });
  for (const [owner, batches] of [["one", 2], ["two", 3]] as const) {
    await rejects(world.run(owner, { database: killedAfter(database, batches) }), /killed/);
    const { done, state } = (await world.jobs.get(id))!;
    deepStrictEqual([done, state], [(await statuses(world))["replayed"], "running"]);
    strictEqual(await world.jobs.take("another"), undefined, "its lease still lasts");
    await expireLease(world);
  }
  const { state, done } = await world.run("three");
  deepStrictEqual([state, done, published.size], ["done", 300, 300]);
  deepStrictEqual(await statuses(world), { replayed: 300 });
  for (const [first, ...again] of published.values()) {
    for (const { body } of again) deepStrictEqual(body, first!.body);
  }
});

test("two jobs over the same letters replay none twice", async (world) => {
  await bury(world, some(200));
  await world.order({});
  await world.order({});
  const [one, two] = await Promise.all([world.run("one"), world.run("two")]);
  deepStrictEqual([one.state, two.state, one.done + two.done], ["done", "done", 200]);
  deepStrictEqual([world.published.size, times(world.published)], [200, new Set([1])]);
});

test("a job waits at a letter that another replay has claimed, and takes the rest", async (world) => {
  const { claims, sql, jobs } = world;
  await bury(world, some(3));
  const ids = (await sql.query<{ id: string }>("select id from dead_letters order by id")).map(({ id }) => BigInt(id));
  const [job, other] = [await world.order({}), crypto.randomUUID()];
  await claims.claim([ids[1]!], other);
  const next = { filter: {}, last: job.last, limit: 9, job: job.id };
  const claimNext = (after: bigint) => claims.claimNext({ ...next, after }, crypto.randomUUID());
  deepStrictEqual(await claimNext(0n), { ids: [ids[0]], left: true });
  deepStrictEqual(await claimNext(ids[0]!), { ids: [], left: true });
  await claims.unclaim([ids[1]!], other, "no");
  const { state, done } = await world.run();
  deepStrictEqual([state, done, (await jobs.get(job.id))?.failed, world.published.size], ["done", 3, 0, 3]);
});

test("a lease is kept during a long batch, and given up once another subscriber has it", async (world) => {
  const { jobs, sql } = world;
  const { id } = await world.order({});
  await jobs.take("one");
  const stop = new AbortController();
  await expireLease(world);
  const keeping = keepLease(
    jobs,
    { id, owner: "one", clock: { ...systemClock, sleep: () => Promise.resolve() } },
    stop.signal,
  );
  await eventually("a renewed lease", async () => (await jobs.get(id))?.owner === "one");
  await sql.query("update jobs set owner = 'other'");
  await keeping;
  strictEqual(stop.signal.aborted, false);
  strictEqual((await jobs.get(id))?.owner, "other");
});

test("a subscriber whose lease another has leaves the job to it", async (world) => {
  await bury(world, some(100));
  const { id } = await world.order({ rate: 10 });
  let taken = 0;
  const job = await world.run("slow", {
    publish: async () => {
      if (++taken === 1) {
        await expireLease(world);
        await world.jobs.take("quick");
      }
    },
  });
  deepStrictEqual([job.id, job.owner, job.state, taken], [id, "quick", "running", 1]);
});

test("a job stops by itself when its replayed letters die again, says why, and continues when resumed", async (world) => {
  const { queues: { channel, dead }, rows, sql } = world;
  await bury(world, some(40));
  const { id } = await world.order({});
  const dies: Publish = async ({ messageId, headers, body }) => {
    const before = await rows();
    channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(body), { messageId, headers });
    await eventually("the letter to be dead again", async () => await rows() > before || undefined);
  };
  const stopped = await world.run("one", { publish: dies });
  deepStrictEqual([stopped.state, stopped.done], ["stopped", 1]);
  match(stopped.problem ?? "", /^1 letters? failed again with the same cause; newest: \S+, invalid, amount -0$/);
  const { died, deaths } = await world.jobs.outcome(id);
  deepStrictEqual([died, deaths.map(({ reason, detail }) => [reason, detail])], [1, [["invalid", "amount -0"]]]);
  strictEqual((await world.jobs.lead(id, "running"))?.state, "running");
  const done = await world.run("two");
  deepStrictEqual([done.state, done.done], ["done", 40]);
  // A death of another cause does not count.
  await sql.query("update dead_letters set cause_group = 'another' where previous is not null");
  strictEqual((await world.jobs.outcome(id)).died, 0);
});

test("a job is paused, resumed and cancelled, and its finished work stays", async (world) => {
  const { jobs } = world;
  await bury(world, some(60));
  const { id } = await world.order({ rate: 10 });
  let published = 0;
  const lead = (at: number, to: "paused" | "cancelled"): Publish => async () => {
    if (++published === at) await jobs.lead(id, to);
  };
  const paused = await world.run("one", { publish: lead(5, "paused") });
  strictEqual(paused.state, "paused");
  strictEqual(await jobs.take("two"), undefined);
  await jobs.release(id, "one");
  await jobs.lead(id, "running");
  strictEqual((await jobs.setRate(id, 20))?.rate, 20);
  const cancelled = await world.run("two", { publish: lead(paused.done + 1, "cancelled") });
  deepStrictEqual([cancelled.state, cancelled.done > paused.done], ["cancelled", true]);
  strictEqual((await jobs.lead(id, "running"))?.state, "cancelled");
  deepStrictEqual(await statuses(world), { replayed: cancelled.done, dead: 60 - cancelled.done });
});

test("while the broker takes nothing, a job skips no letter, and finally stops", async (world) => {
  await bury(world, some(20));
  const { id } = await world.order({});
  const refuse: Publish = ({ messageId }) =>
    Promise.reject(new PublishError("returned", messageId, "no queue takes it"));
  const { state, done, failed, problem } = await world.run("one", { publish: refuse });
  deepStrictEqual([state, done, failed], ["stopped", 0, 0]);
  match(problem ?? "", /no queue takes it/);
  await world.jobs.lead(id, "running");
  strictEqual((await world.run("two")).done, 20);
});

test("jobs drop, restore and edit matching letters", async (world) => {
  const { sql } = world;
  const missing = some(150).map((letter, n) => ({
    ...letter,
    body: encodeEvent(bet({ id: BigInt(n + 1), currency: "" })),
  }));
  await bury(world, [...missing, ...some(5, "undecodable")]);
  const filter: Filter = { reasons: ["invalid"] };
  const act = async (order: Partial<JobOrder>) => {
    await world.order({ filter, ...order });
    const { state, done, refused } = await world.run();
    return [state, done, refused];
  };
  deepStrictEqual(await act({ act: "drop" }), ["done", 150, 0]);
  deepStrictEqual(await statuses(world), { dead: 5, dropped: 150 });
  deepStrictEqual(await act({ act: "undo" }), ["done", 150, 0]);
  deepStrictEqual(await statuses(world), { dead: 155 });
  const change = { set: [{ key: "currency", value: "EUR" }], where: [{ key: "currency", value: "" }] };
  deepStrictEqual(await act({ act: "edit", change, filter: {} }), ["done", 150, 5]);
  deepStrictEqual(await act({ act: "edit", change: { set: change.set } }), ["done", 150, 0]);
  deepStrictEqual(await sql.query("select count(*)::int as edits from dead_letter_edits"), [{ edits: 150 }]);
});
