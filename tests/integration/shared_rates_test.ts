/** The conformance suite on Redis, and values in the cache that other programs may have written. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Redis } from "ioredis";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { servers, uniqueName } from "../servers/servers.ts";
import { someRates } from "../fixtures/deliveries.ts";
import { ratesToJson } from "../../subscriber/rates/rates.ts";
import { RedisRates } from "../../subscriber/rates/redis_rates.ts";
import { testSharedRates } from "../conformance/shared_rates.ts";

interface Keys {
  readonly rates: string;
  readonly lock: string;
}

type Use = (shared: RedisRates, redis: Redis, keys: Keys) => Promise<void>;

function test(what: string, use: Use): void {
  Deno.test(`RedisRates ${what}`, () => withRedis(use));
}

async function withRedis(use: Use): Promise<void> {
  const prefix = uniqueName("test:");
  const keys = { rates: `${prefix}{rates}:current`, lock: `${prefix}{rates}:lock` };
  const redis = await openRedis(servers.REDIS_URL, { name: "test", log: silentLog });
  try {
    await use(new RedisRates(redis, prefix), redis, keys);
  } finally {
    await redis.del(keys.rates, keys.lock);
    await closeRedis(redis);
  }
}

testSharedRates({
  name: "RedisRates",
  withShared: (use) => withRedis((shared) => use(shared, (ms) => clock.sleep(ms))),
});

const life = { freshMs: 60_000, staleMs: 0 };
const good = { ...ratesToJson(someRates), stale_ms: 0 };

/** Values that another program or a later version may leave in the cache. */
const junk: Record<string, string | Uint8Array> = {
  "no JSON": "not json",
  "nothing": "",
  "an empty object": "{}",
  "an array": "[1]",
  "a number": "1",
  "null": "null",
  "half of a value": JSON.stringify(good).slice(0, 40),
  "another version": JSON.stringify({ ...good, v: 2 }),
  "another version of which nothing is known but its time": JSON.stringify({ v: 2, as_of_ms: Number.MAX_SAFE_INTEGER }),
  "another base": JSON.stringify({ ...good, base: "USD" }),
  "a rate that is no number": JSON.stringify({ ...good, rates: { USD: "zero" } }),
  "a rate of zero": JSON.stringify({ ...good, rates: { USD: "0.00" } }),
  "no rates": JSON.stringify({ ...good, rates: {} }),
  "no time": JSON.stringify({ ...good, as_of_ms: null }),
  "no staleness": JSON.stringify(ratesToJson(someRates)),
  "a staleness that is no number": JSON.stringify({ ...good, stale_ms: "0" }),
  "a negative staleness": JSON.stringify({ ...good, stale_ms: -1 }),
  "a staleness that is infinite": JSON.stringify(good).replace('"stale_ms":0', '"stale_ms":1e999'),
  "bytes that are no text": Uint8Array.of(0xff, 0x00, 0xfe),
  "JSON with bytes that are no text": Buffer.concat([
    Buffer.from('{"v":2,"stale_ms":0,"x":"'),
    Uint8Array.of(0xff),
    Buffer.from('"}'),
  ]),
  "JSON nested too deeply": "[".repeat(2_000) + "]".repeat(2_000),
};
for (const [what, value] of Object.entries(junk)) {
  test(`discards ${what} in the cache, and continues`, async (shared, redis, keys) => {
    await redis.set(keys.rates, Buffer.from(value as string), "PX", 60_000);
    await assertGoesOn(shared);
  });
}

test("discards a value of another type in the cache, and continues", async (shared, redis, keys) => {
  await redis.hset(keys.rates, "USD", "1.07");
  await assertGoesOn(shared);
});

test("discards rates that would never expire, and continues", async (shared, redis, keys) => {
  const ahead = { ...good, as_of_ms: Number.MAX_SAFE_INTEGER };
  for (const each of [good, ahead, { ...ahead, v: 2 }]) {
    await redis.set(keys.rates, JSON.stringify(each));
    await assertGoesOn(shared);
    await redis.del(keys.rates);
  }
});

/** Checks that within two looks a caller gets the lock, and can store rates that all other callers then find. */
async function assertGoesOn(shared: RedisRates): Promise<void> {
  const first = await shared.lookOrLock("a", 10_000);
  const holder = first.state === "locked" ? "a" : "b";
  const look = holder === "a" ? first : await shared.lookOrLock("b", 10_000);
  deepStrictEqual([look.state, look.cached], ["locked", undefined]);
  strictEqual(await shared.write(holder, someRates, life), "written");
  const { state, cached } = await shared.lookOrLock("c", 10_000);
  deepStrictEqual([state, cached?.rates], ["fresh", someRates]);
}

test("shares its key with releases since 0.1.0, and ignores additions of later ones", async (shared, redis, keys) => {
  await shared.lookOrLock("a", 10_000);
  await shared.write("a", someRates, life);
  const written = JSON.parse(await redis.get(keys.rates) ?? "");
  const { v, base, as_of_ms, rates, stale_ms } = written;
  deepStrictEqual([v, base, as_of_ms, stale_ms], [1, "EUR", someRates.asOfMs, 0]);
  deepStrictEqual(
    rates,
    Object.fromEntries(Array.from(someRates.perEur, ([currency, { text }]) => [currency, text])),
  );

  await redis.set(keys.rates, JSON.stringify({ ...written, provider: { name: "x" } }), "PX", 60_000);
  const { state, cached } = await shared.lookOrLock("b", 10_000);
  deepStrictEqual([state, cached?.rates], ["fresh", someRates]);
});

test("discards no rates that were written after it read invalid ones", async (shared, redis, keys) => {
  await redis.set(keys.rates, JSON.stringify({ ...good, v: 2 }), "PX", 60_000);
  const looks = await Promise.all([
    shared.lookOrLock("a", 10_000),
    redis.set(keys.rates, JSON.stringify(good), "PX", 60_000),
  ]);
  strictEqual(looks[0].cached, undefined);
  deepStrictEqual((await shared.lookOrLock("b", 10_000)).cached?.rates, someRates);
});

test("leaves no key without a time to live", async (shared, redis, { rates, lock }) => {
  await shared.lookOrLock("a", 10_000);
  strictEqual(await redis.pttl(lock) > 0, true);
  await shared.pause("a", 10_000);
  strictEqual(await redis.pttl(lock) > 0, true);
  await redis.del(lock);
  await shared.lookOrLock("a", 10_000);
  await shared.write("a", someRates, life);
  strictEqual(await redis.pttl(rates) > 0, true);
});

Deno.test("RedisRates separates prefixes", async () => {
  await withRedis(async (one) => {
    await withRedis(async (other) => {
      strictEqual((await one.lookOrLock("a", 10_000)).state, "locked");
      strictEqual((await other.lookOrLock("a", 10_000)).state, "locked");
      await one.write("a", someRates, life);
      strictEqual((await other.lookOrLock("b", 10_000)).state, "held");
    });
  });
});
