/** The conformance suite on Redis, and values under its keys that other programs may have written. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Redis } from "ioredis";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { lifeMs } from "../../subscriber/metrics/fleet/fleet.ts";
import { RedisFleet } from "../../subscriber/metrics/fleet/redis_fleet.ts";
import { reportOf, testFleet } from "../conformance/fleet.ts";
import { servers, uniqueName } from "../servers/servers.ts";
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

Deno.test("RedisFleet forgets a subscriber without reports, and leaves no keys of departed ones", async () => {
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

Deno.test("RedisFleet skips entries that no subscriber of this version wrote", async () => {
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
