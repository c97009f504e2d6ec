import type { Redis } from "ioredis";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";

/** A connection to Redis for what a test itself asks. */
export async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = await openRedis(url, { name: "casino-test", log: silentLog });
  try {
    return await use(redis);
  } finally {
    await closeRedis(redis);
  }
}
