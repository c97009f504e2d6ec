/** Postgres refuses one subscriber while another works: status, page, health and metrics of both show it. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { freePort, Members } from "../../../tools/demo/members.ts";
import type { Status } from "../../../tools/status/status.ts";
import { Batch, queues } from "../../harness/batch.ts";
import { assertMetrics, get, getJson, untilAnswered, urlOf } from "../../harness/http.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateWorld, project } from "../../harness/private_world.ts";

const members = new Members(project);
const env = { ...queues, PREFETCH: "500", BATCH_SIZE: "100", LOG_LEVEL: "info" };

async function statusOf(world: PrivateWorld, changes: Record<string, string> = {}): Promise<Status> {
  const { stdout } = await members.run("status", ["--json"], { ...world.env, ...env, NO_COLOR: "1", ...changes });
  return JSON.parse(stdout);
}

function told(status: Status) {
  if (status.subscribers.problem !== null) throw new Error(status.subscribers.problem);
  return status.subscribers.subscribers;
}

Deno.test("a subscriber with a wrong database password holds 500 of 1,000 events beside one that works, and every view shows it", async () => {
  await using world = await PrivateWorld.start(env);
  await world.startRatesApi();
  const url = new URL(world.env["DATABASE_URL"]!);
  await world.servers.asSuperuser(`create role other login password 'right' in role ${url.username}`);
  [url.username, url.password] = ["other", "right"];
  const ledger = new Ledger();
  const batch = new Batch(world.env["RABBITMQ_URL"]!, ledger);
  const start = async (id: string, more: Record<string, string> = {}) => {
    const options = { http: "127.0.0.1:0", onLine: (line: string) => ledger.report(line) };
    const member = world.startSubscriber(id, more, options);
    await world.members.untilLogged(member, "consumer.ready");
    return { member, http: urlOf(member) };
  };

  const stuck = await start("stuck", { DATABASE_URL: url.href });
  await batch.publish(1);
  await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
  await world.servers.asSuperuser("alter role other password 'another'");
  await world.servers.asSuperuser("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'other'");
  await batch.publish(500);
  const holds = (told: Status) => told.lag.unacknowledged === 500;
  await untilAnswered(() => statusOf(world), holds, "500 events are held");
  const good = await start("good");
  await batch.publish(499);
  await untilAnswered(() => world.rows(), (rows) => rows === 500, "the others are stored");

  const status = await untilAnswered(
    () => statusOf(world),
    ({ lag }) => lag.messages === 500,
    "only what is held is left",
  );
  deepStrictEqual(status.lag, {
    ...{ messages: 500, ready: 0, unacknowledged: 500, seconds: null, until: "subscriber stuck resumes" },
  });
  const [first, second] = told(status);
  deepStrictEqual([first?.id, first?.state, first?.events, first?.batches], ["stuck", "holding", 500, 2]);
  match(first?.last_error ?? "", /password authentication failed for user "other"/);
  deepStrictEqual([second?.id, second?.state, second?.events], ["good", "working", 0]);
  const { stdout } = await members.run("status", [], { ...world.env, ...env, NO_COLOR: "1" });
  match(stdout, /^Lag +500 events; 0 ready, 500 in hand; until subscriber stuck resumes$/m);
  match(
    stdout,
    /^Subscriber +stuck {2}500 events held for .*: password authentication failed for user "other"; version [\d.]+$/m,
  );
  match(stdout, /^Subscriber +good {2}working for .*, 0 events in hand; version [\d.]+$/m);

  const sentence =
    /^500 events held by (subscriber stuck|this subscriber) since \d\d:\d\d:\d\d UTC: .*password authentication/;
  for (const { http } of [stuck, good]) {
    const overview = await untilAnswered(
      () => getJson(`${http}/overview`),
      ({ subscribers }) => subscribers.length === 2,
      "the page lists both",
    );
    strictEqual(overview.standing.state, "problems");
    ok(overview.problems.some((problem: string) => sentence.test(problem)), overview.problems.join("\n"));
    deepStrictEqual(overview.subscribers.map(({ id }: { id: string }) => id), ["stuck", "good"]);
    deepStrictEqual([overview.queue.messages, overview.queue.unacknowledged], [0, 500]);
    ok(overview.queue.oldest_ms > 0);
    const metrics = await assertMetrics(
      http,
      'casino_queue_messages{queue="unacknowledged"} 500',
      'casino_subscribers{state="holding"} 1',
      'casino_subscribers{state="working"} 1',
    );
    match(metrics, /^casino_oldest_event_seconds (?!0$)/m);
  }
  const red = await get(`${stuck.http}/health/ready`);
  strictEqual(red.status, 503);
  match((await red.json()).why_not.join(" "), /This subscriber holds events: .*password authentication failed/);
  const green = await get(`${good.http}/health/ready`);
  strictEqual(green.status, 200);
  deepStrictEqual((await green.json()).subscribers[0].id, "stuck");

  const redis = `redis://127.0.0.1:${freePort()}`;
  const unheard = await statusOf(world, { REDIS_URL: redis });
  deepStrictEqual([unheard.lag.ready, unheard.lag.unacknowledged], [0, null]);
  match(String(unheard.subscribers.problem), /^Redis does not answer/);

  await world.servers.asSuperuser("alter role other password 'right'");
  await untilAnswered(() => world.rows(), (rows) => rows === 1000, "all are stored");
  for (const { http } of [stuck, good]) {
    const { problems } = await untilAnswered(
      () => getJson(`${http}/overview`),
      ({ standing }) => standing.state === "well",
      "all is well",
    );
    deepStrictEqual(problems, []);
    strictEqual((await get(`${http}/health/ready`).then(async (it) => (await it.body?.cancel(), it))).status, 200);
  }
  deepStrictEqual((await statusOf(world)).lag, { messages: 0, ready: 0, unacknowledged: 0, seconds: 0, until: null });

  await world.stop(stuck.member);
  await world.stop(good.member);
  await batch.publish(12);
  const idle = await statusOf(world);
  deepStrictEqual([told(idle), idle.lag.messages, idle.lag.seconds, idle.lag.until], [
    [],
    12,
    null,
    "a subscriber runs",
  ]);
  await batch.close();
});
