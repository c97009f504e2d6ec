/** One suite for everything that is a {@linkcode SharedRates}: Redis itself, and the one in memory. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { systemClock as clock } from "../../shared/clock.ts";
import { closeRedis, openRedis } from "../../shared/redis.ts";
import { silentLog } from "../../shared/telemetry/log.ts";
import { servers, uniqueName } from "../../shared/testing/servers.ts";
import { ratesOf, someRates } from "../testing.ts";
import { MemoryRates } from "./memory_rates.ts";
import { RedisRates } from "./redis_rates.ts";
import type { SharedRates } from "./shared_rates.ts";

type With = (use: (shared: SharedRates) => Promise<void>) => Promise<void>;

const kinds: Record<string, With> = {
  MemoryRates: (use) => use(new MemoryRates(clock)),
  RedisRates: (use) => withRedis((shared) => use(shared)),
};

async function withRedis(
  use: (shared: RedisRates, redis: Awaited<ReturnType<typeof openRedis>>, prefix: string) => Promise<void>,
) {
  const prefix = uniqueName("test:");
  const redis = await openRedis(servers.REDIS_URL, { name: "test", log: silentLog });
  try {
    await use(new RedisRates(redis, prefix), redis, prefix);
  } finally {
    await redis.del(`${prefix}{rates}:current`, `${prefix}{rates}:lock`);
    await closeRedis(redis);
  }
}

const life = { freshMs: 60_000, staleMs: 0 };

for (const [kind, withShared] of Object.entries(kinds)) {
  Deno.test(`${kind}.lookOrLock() gives the lock to one only, while nothing is cached`, async () => {
    await withShared(async (shared) => {
      const looks = await Promise.all(Array.from({ length: 20 }, (_, i) => shared.lookOrLock(`token-${i}`, 10_000)));
      strictEqual(looks.filter(({ state }) => state === "locked").length, 1);
      strictEqual(looks.filter(({ state }) => state === "held").length, 19);
    });
  });

  Deno.test(`${kind}.write() stores the rates for all, exactly, and gives the lock back`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", 10_000);
      strictEqual(await shared.write("mine", someRates, life), "written");
      const { state, cached } = await shared.lookOrLock("other", 10_000);
      strictEqual(state, "fresh");
      deepStrictEqual(cached?.rates, someRates);
      strictEqual(cached!.freshMs > 50_000 && cached!.freshMs <= 60_000, true);
    });
  });

  Deno.test(`${kind}.write() is refused once the lock has expired, also when another holds it`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("late", 20);
      await clock.sleep(60);
      strictEqual(await shared.write("late", someRates, life), "lock-lost");
      strictEqual((await shared.lookOrLock("next", 10_000)).state, "locked");
      strictEqual(await shared.write("late", someRates, life), "lock-lost");
      strictEqual(await shared.write("next", someRates, life), "written");
    });
  });

  Deno.test(`${kind}.write() never replaces newer rates by older, and gives the lock back`, async () => {
    await withShared(async (shared) => {
      const [older, newer] = [ratesOf({ USD: "1" }, 1_000), ratesOf({ USD: "2" }, 2_000)];
      await shared.lookOrLock("a", 10_000);
      await shared.write("a", newer, { freshMs: 30, staleMs: 60_000 });
      await clock.sleep(60);
      const look = await shared.lookOrLock("b", 10_000);
      strictEqual(look.state, "locked");
      deepStrictEqual(look.cached?.rates, newer);
      strictEqual(look.cached!.freshMs <= 0 && look.cached!.usableMs > 0, true);
      strictEqual(await shared.write("b", older, life), "older");
      strictEqual((await shared.lookOrLock("c", 10_000)).state, "locked");
    });
  });

  Deno.test(`${kind}.release() gives back the caller's lock, and nobody else's`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", 10_000);
      await shared.release("other");
      strictEqual((await shared.lookOrLock("next", 10_000)).state, "held");
      await shared.release("mine");
      strictEqual((await shared.lookOrLock("next", 10_000)).state, "locked");
    });
  });

  Deno.test(`${kind}.pause() keeps all from calling for a while, and only the holder can`, async () => {
    await withShared(async (shared) => {
      await shared.lookOrLock("mine", 10_000);
      await shared.pause("other", 10_000);
      strictEqual((await shared.lookOrLock("next", 10_000)).state, "held");
      await shared.pause("mine", 40);
      strictEqual((await shared.lookOrLock("next", 10_000)).state, "paused");
      strictEqual(await shared.write("mine", someRates, life), "lock-lost");
      await clock.sleep(80);
      strictEqual((await shared.lookOrLock("next", 10_000)).state, "locked");
    });
  });
}

for (
  const junk of [
    "not json",
    "{}",
    "[1]",
    "null",
    '{"v":1,"stale_ms":0,"rates":{"USD":"zero"},"base":"EUR","as_of_ms":1}',
    '{"v":2,"stale_ms":0}',
  ]
) {
  Deno.test(`RedisRates.lookOrLock() is not stopped by ${junk} in the cache`, async () => {
    await withRedis(async (shared, redis, prefix) => {
      await redis.set(`${prefix}{rates}:current`, junk, "PX", 60_000);
      let look = await shared.lookOrLock("a", 10_000);
      if (look.state === "held") look = await shared.lookOrLock("b", 10_000);
      strictEqual(look.state, "locked");
      strictEqual(look.cached, undefined);
      const token = await redis.get(`${prefix}{rates}:lock`);
      strictEqual(await shared.write(token!, someRates, life), "written");
      strictEqual((await shared.lookOrLock("c", 10_000)).state, "fresh");
    });
  });
}

Deno.test("RedisRates lets keys expire by themselves: none stays behind without a time to live", async () => {
  await withRedis(async (shared, redis, prefix) => {
    await shared.lookOrLock("a", 10_000);
    strictEqual(await redis.pttl(`${prefix}{rates}:lock`) > 0, true);
    await shared.write("a", someRates, life);
    strictEqual(await redis.pttl(`${prefix}{rates}:current`) > 0, true);
  });
});
