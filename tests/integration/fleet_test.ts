/** The suite on Redis, and values under its keys that others may have written. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { Redis } from "ioredis";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { lifeMs } from "../../subscriber/metrics/fleet/fleet.ts";
import { RedisFleet } from "../../subscriber/metrics/fleet/redis_fleet.ts";
import { reportOf, testFleet } from "../conformance/fleet.ts";
import { servers, uniqueName } from "../servers/servers.ts";
import { eventually } from "../fixtures/eventually.ts";
import { startRedis } from "../harness/extra_server.ts";
import { withRedis } from "../harness/private_servers.ts";

function withFleet(use: (fleet: RedisFleet, redis: Redis, keys: (id: string) => string) => Promise<void>) {
  const prefix = uniqueName("test:");
  return withRedis(servers.REDIS_URL, async (redis) => {
    try {
      await use(new RedisFleet(redis, prefix), redis, (id) => `${prefix}{rates}:${id}`);
    } finally {
      const left = await redis.keys(`${prefix}*`);
      if (left.length > 0) await redis.del(...left);
    }
  });
}

testFleet({
  name: "RedisFleet",
  withFleet: (use) => withFleet((fleet) => use(fleet, (ms) => clock.sleep(ms))),
});

Deno.test("RedisFleet forgets by itself who tells nothing any more, and leaves no key of those that left", async () => {
  await withFleet(async (fleet, redis, key) => {
    await fleet.tell(reportOf("one"));
    for (const name of ["subscribers", "subscriber:one"]) {
      const ms = await redis.pttl(key(name));
      strictEqual(ms > lifeMs - 10_000 && ms <= lifeMs, true, `${name}: ${ms}`);
    }
    await redis.del(key("subscriber:one"));
    await fleet.tell(reportOf("two"));
    strictEqual(await redis.get(key("subscribers")), '["two"]');
    await fleet.leave("two");
    deepStrictEqual(await redis.exists(key("subscribers"), key("subscriber:two")), 0);
  });
});

Deno.test("RedisFleet passes over what no subscriber of this version wrote", async () => {
  await withFleet(async (fleet, redis, key) => {
    await fleet.tell(reportOf("one"));
    for (
      const junk of ["", "no json", "null", "[]", '{"v":2}', JSON.stringify({ v: 1, ...reportOf("x"), events: "7" })]
    ) {
      await fleet.tell(reportOf("two"));
      await redis.set(key("subscriber:two"), junk, "PX", lifeMs);
      deepStrictEqual((await fleet.read()).map(({ id }) => id), ["one"], junk);
    }
    for (const junk of ["", "no json", "null", "7", '{"a":1}', "[7,[],{}]"]) {
      await redis.set(key("subscribers"), junk, "PX", lifeMs);
      deepStrictEqual(await fleet.read(), [], junk);
      await fleet.tell(reportOf("one"));
      deepStrictEqual((await fleet.read()).map(({ id }) => id), ["one"], junk);
    }
    await redis.del(key("subscribers"));
    await redis.rpush(key("subscribers"), "a list");
    deepStrictEqual(await fleet.read(), []);
  });
});

/** What an operator or a fault does to a Redis, so that it is read and takes no writes; and the way back. */
const takesNoWrites: readonly [says: RegExp, command: readonly string[], undo: readonly string[]][] = [
  [/READONLY/, ["replicaof", "127.0.0.1", "1"], ["replicaof", "no", "one"]],
  [/OOM/, ["config", "set", "maxmemory", "1"], ["config", "set", "maxmemory", "0"]],
];

for (const [says, [command, ...args], [undo, ...undoArgs]] of takesNoWrites) {
  Deno.test(`RedisFleet reads nothing from a Redis that no longer takes its report, and says ${says.source}`, async () => {
    await using server = await startRedis();
    const url = `redis://127.0.0.1:${server.port}`;
    const redis = await openRedis(url, { name: "told", log: silentLog });
    try {
      const fleet = new RedisFleet(redis, "test:");
      // Over the connection that is opened anew.
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
