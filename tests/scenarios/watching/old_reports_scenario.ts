/** A Redis that is readable but not writable: no reports arrive, and every answer says so. */
import { Buffer } from "node:buffer";
import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { closeRedis, openRedis } from "../../../shared/redis/client.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { RedisFleet } from "../../../subscriber/metrics/fleet/redis_fleet.ts";
import { Members } from "../../../tools/demo/members.ts";
import type { Status } from "../../../tools/status/status.ts";
import { queues, withBatch } from "../../harness/batch.ts";
import { assertMetrics, getJson, getText, untilAnswered, urlOf } from "../../harness/http.ts";
import { reportOf } from "../../conformance/fleet.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { startRedis } from "../../harness/extra_server.ts";
import { withRedis } from "../../harness/private_servers.ts";
import { type PrivateWorld, project } from "../../harness/private_world.ts";

const members = new Members(project);
const unacknowledged = 'casino_queue_messages{queue="unacknowledged"}';

async function status(world: PrivateWorld, ...flags: string[]): Promise<string> {
  return (await members.run("status", flags, { ...world.env, NO_COLOR: "1" })).stdout;
}

Deno.test("a subscriber that Postgres refuses while Redis accepts no writes: no page says that all is well, or only letters", async () => {
  await withBatch(async (world, batch) => {
    const role = new URL(world.env["DATABASE_URL"]!);
    await world.servers.asSuperuser(`create role refused login password 'right' in role ${role.username}`);
    [role.username, role.password] = ["refused", "right"];
    const start = async (id: string, more: Record<string, string> = {}) => {
      const member = world.startSubscriber(id, { PREFETCH: "500", ...more }, { http: "127.0.0.1:0" });
      await world.members.untilLogged(member, "consumer.ready");
      return urlOf(member);
    };
    const [stuck, good] = [await start("stuck", { DATABASE_URL: role.href }), await start("good")];
    await world.withChannel(async (channel) => {
      channel.publish(queues.EVENTS_EXCHANGE, "", Buffer.from("no event"));
      await channel.checkQueue(queues.EVENTS_QUEUE);
    });
    await untilAnswered(() => getJson(`${good}/overview`), ({ standing }) => standing.state === "letters", "a letter");
    await withRedis(world.servers.direct.REDIS_URL, (redis) => redis.replicaof("127.0.0.1", 1));
    await world.servers.asSuperuser("alter role refused nologin");
    await world.servers.asSuperuser("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'refused'");
    await batch.publish(1_000);

    const isHeld = (text: string) => /^casino_unsettled_deliveries [1-9]/m.test(text);
    await untilAnswered(() => getText(`${stuck}/metrics`), isHeld, "events are held");
    const { problems, queue, subscribers } = await untilAnswered(
      () => getJson(`${good}/overview`),
      ({ standing }) => standing.state === "problems",
      "a problem",
    );
    match(
      problems.join("\n"),
      /^Redis is not available \(.*\): .*the other subscribers' events in hand are unknown\.$/m,
    );
    deepStrictEqual([queue.unacknowledged, subscribers.map(({ id }: { id: string }) => id)], [null, ["good"]]);
    await untilAnswered(
      () => getJson(`${good}/overview`),
      ({ problems }) => problems.some((problem: string) => problem.includes("READONLY")),
      "what Redis says",
    );
    const metrics = await assertMetrics(good, 'casino_dependency_up{dependency="redis"} 0');
    ok(!metrics.includes(unacknowledged), "a number of events that nobody knows");
    const { dependencies } = await getJson(`${good}/health/ready`);
    deepStrictEqual(dependencies.find(({ name }: { name: string }) => name === "Redis").ok, false);

    const { lag, subscribers: fleet }: Status = await untilAnswered(
      async () => JSON.parse(await status(world, "--json")),
      ({ subscribers }) => subscribers.unheard === 2,
      "both are unheard",
    );
    deepStrictEqual([lag.unacknowledged, fleet.problem], [null, null]);
    match(await status(world), /2 consumers without reports: their events in hand are unknown/);

    await withRedis(world.servers.direct.REDIS_URL, (redis) => redis.replicaof("no", "one"));
    const isNamed = (problem: string) => problem.includes(" held by subscriber stuck since ");
    await untilAnswered(
      () => getJson(`${good}/overview`),
      ({ problems }) => problems.length === 1 && isNamed(problems[0]),
      "it is heard again",
    );
    await assertMetrics(good, 'casino_subscribers{state="holding"} 1', 'casino_dependency_up{dependency="redis"} 1');
    await world.servers.asSuperuser("alter role refused login");
    await untilAnswered(() => world.rows(), (rows) => rows === 1_000, "all are stored");
    await untilAnswered(
      () => getJson(`${good}/overview`),
      ({ standing }) => standing.state === "letters",
      "only a letter",
    );
  }, 0);
});

/** What an operator or a fault does to make Redis readable but not writable, and how to undo it. */
const takesNoWrites: readonly [says: RegExp, command: readonly string[], undo: readonly string[]][] = [
  [/READONLY/, ["replicaof", "127.0.0.1", "1"], ["replicaof", "no", "one"]],
  [/OOM/, ["config", "set", "maxmemory", "1"], ["config", "set", "maxmemory", "0"]],
];

for (const [says, [command, ...args], [undo, ...undoArgs]] of takesNoWrites) {
  Deno.test(`RedisFleet returns no reports from a Redis that no longer takes its report, and throws ${says.source}`, async () => {
    await using server = await startRedis();
    const url = `redis://127.0.0.1:${server.port}`;
    const redis = await openRedis(url, { name: "told", log: silentLog });
    try {
      const fleet = new RedisFleet(redis, "test:");
      // Retries, because the client reconnects first.
      const ids = () =>
        eventually("reports", () => fleet.read().then((heard) => heard.map(({ id }) => id)).catch(() => undefined));
      await fleet.tell(reportOf("one"));
      await withRedis(url, (admin) => admin.call(command!, ...args));
      await rejects(fleet.tell(reportOf("one")), says);
      deepStrictEqual(await ids(), ["one"], "one may have been a pause");
      await eventually(
        "its word",
        () => fleet.tell(reportOf("one")).then(() => false, (error) => says.test(messageOf(error))),
      );
      await rejects(fleet.read(), says);
      await withRedis(url, (admin) => admin.call(undo!, ...undoArgs));
      await eventually("a report", () => fleet.tell(reportOf("one")).then(() => true, () => false));
      deepStrictEqual(await ids(), ["one"]);
    } finally {
      await closeRedis(redis);
    }
  });
}
