/** The one place that opens connections to Redis. */
import "../runtime/deno_workarounds/without_env.ts";
import { Redis } from "ioredis";
import { redact } from "../runtime/secrets.ts";
import { systemClock } from "../runtime/clock.ts";
import { settledWithin } from "../runtime/deadline.ts";
import { messageOf } from "../runtime/errors.ts";
import type { Log } from "../runtime/telemetry/log.ts";
import { splitTls } from "../runtime/tls.ts";

const connectTimeoutMs = 2_000;
/** A slower Redis is of no use: its callers go on without it. */
const commandTimeoutMs = 1_000;
/** A connection without an answer for this long counts as lost, and is opened again. */
const socketTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;
const sayAgainMs = 30_000;

/** Why a client has no connection, as it was last told. */
const obstacles = new WeakMap<Redis, () => string>();

/**
 * A client that reconnects by itself and whose commands fail, rather than wait, while Redis is away. Resolves when it is
 * connected, or after 2 s without: then it goes on trying.
 */
export async function openRedis(url: string, { name, log }: { name: string; log: Log }): Promise<Redis> {
  const { url: target, tls } = splitTls(url);
  const redis = new Redis(target.href, {
    ...(tls && { tls }),
    connectionName: name,
    // The library's name and version, in a command that a user of least privilege need not have.
    disableClientInfo: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: socketTimeoutMs,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    // A replica refuses writes. It was the primary when we connected, and whoever leads us to Redis may know the new one.
    reconnectOnError: (error) => {
      if (!/\bREADONLY\b/.test(error.message)) return false;
      sayReadOnly(messageOf(error));
      return true;
    },
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let last = "";
  let saidAt = -Infinity;
  function sayReadOnly(problem: string): void {
    // The next connection may lead to the same replica, and so on.
    if (systemClock.monotonic() - saidAt < sayAgainMs) return;
    saidAt = systemClock.monotonic();
    log.warn("Redis takes no writes, connecting again", { event: "redis.read_only", redis: redact(url), problem });
  }
  redis.on("error", (error) => {
    const problem = messageOf(error);
    // ioredis says the same at each try.
    if (problem !== last) log.warn("No connection to Redis, trying again", { redis: redact(url), problem });
    last = problem;
  });
  redis.on("ready", () => last = "");
  obstacles.set(redis, () => last);
  await settledWithin(connectTimeoutMs, systemClock, new Promise((resolve) => redis.once("ready", resolve)));
  return redis;
}

/** What Redis said; without a connection a command's error tells only that there is none. */
export function explainRedis(redis: Redis, error: unknown): unknown {
  if (!messageOf(error).includes("enableOfflineQueue")) return error;
  return new Error(`no connection to Redis: ${obstacles.get(redis)?.() || "it was lost"}`, { cause: error });
}

/** Leaves in order, or after 1 s without. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === "end") return;
  const ended = new Promise((resolve) => redis.once("end", resolve));
  redis.quit().catch(() => redis.disconnect());
  if (!await settledWithin(closeTimeoutMs, systemClock, ended)) redis.disconnect();
}
