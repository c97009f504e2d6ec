import type { Redis } from "ioredis";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { RedisRates } from "../../subscriber/rates/redis_rates.ts";
import { Kept } from "./lazy_connection.ts";
import type { RatesCache, Reader } from "./status.ts";

type RedisConfig = Pick<Config, "REDIS_URL" | "REDIS_KEY_PREFIX">;

/** Looks at the cached rates and their lock; changes neither. */
export function ratesReader(
  { REDIS_URL: url, REDIS_KEY_PREFIX: prefix }: RedisConfig,
  clock: Clock,
): Reader<RatesCache> {
  const kept = new Kept<Redis>({
    ...{ server: "Redis", url, clock },
    open: () => openConnected(url),
    close: closeRedis,
  });
  return { read: () => kept.ask((redis) => inspect(redis, prefix)), close: () => kept.close() };
}

/** @throws when Redis does not answer, or not to us */
async function openConnected(url: string): Promise<Redis> {
  let problem = "";
  const log = {
    ...silentLog,
    warn: (_: string, fields: { problem?: unknown } = {}) => problem = String(fields.problem),
  };
  const redis = await openRedis(url, { name: "casino-status", log });
  if (redis.status === "ready") return redis;
  await closeRedis(redis);
  const code = /\bE[A-Z]{5,}\b/.exec(problem)?.[0];
  throw Object.assign(new Error(`Redis at ${new URL(url).host} cannot be asked: ${problem || "it says nothing"}`), {
    code,
  });
}

async function inspect(redis: Redis, prefix: string): Promise<RatesCache> {
  const { cached, lock } = await new RedisRates(redis, prefix).inspect();
  return {
    state: !cached ? "none" : cached.freshMs > 0 ? "fresh" : "stale",
    as_of: cached ? new Date(cached.rates.asOfMs).toISOString() : null,
    currencies: cached?.rates.perEur.size ?? 0,
    fresh_ms: cached ? Math.max(0, cached.freshMs) : null,
    usable_ms: cached ? Math.max(0, cached.usableMs) : null,
    lock: { state: lock.state, holder: lock.holder ?? null, ttl_ms: lock.ttlMs },
  };
}
