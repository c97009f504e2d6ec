/** The only module that opens connections to Redis. */
import "../runtime/deno_workarounds/without_env.ts";
import { Redis } from "ioredis";
import { redact } from "../runtime/secrets.ts";
import { systemClock } from "../runtime/clock.ts";
import { settledWithin } from "../runtime/deadline.ts";
import { messageOf } from "../runtime/errors.ts";
import { nothingListens } from "../runtime/server_kind.ts";
import type { Log } from "../runtime/telemetry/log.ts";
import { splitTls } from "../runtime/tls.ts";

const connectTimeoutMs = 2_000;
/** Callers continue without a slower Redis. */
const commandTimeoutMs = 1_000;
/** A connection that waits this long for an answer is lost and is reopened. */
const socketTimeoutMs = 5_000;
/** Pauses before connecting again (ms): longest, and longest while nothing listens, which costs nobody anything. */
const [longestPauseMs, longestPauseAwayMs] = [2_000, 300];
const closeTimeoutMs = 1_000;
const sayAgainMs = 30_000;

/** The last reason why a client has no connection. */
const obstacles = new WeakMap<Redis, () => string>();

/**
 * Opens a client that reconnects by itself. While Redis is away its commands fail instead of waiting. Resolves when the
 * client is connected, or after 2 s; the client then keeps trying to connect.
 */
export async function openRedis(url: string, { name, log }: { name: string; log: Log }): Promise<Redis> {
  const { url: target, tls } = splitTls(url);
  const redis = new Redis(target.href, {
    ...(tls && { tls }),
    connectionName: name,
    // ioredis would send its name and version by a command that a least-privilege user may not have.
    disableClientInfo: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: socketTimeoutMs,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    // The server was the primary when we connected and is a replica now. Reconnecting may reach the new primary.
    reconnectOnError: (error) => {
      if (!/\bREADONLY\b/.test(error.message)) return false;
      sayReadOnly(messageOf(error));
      return true;
    },
    retryStrategy: (attempt) => reconnectPauseMs(attempt, obstacle),
  });
  let last = "";
  let obstacle: unknown;
  let saidAt = -Infinity;
  function sayReadOnly(problem: string): void {
    // Logs this at most every 30 s: each new connection may lead to the same replica.
    if (systemClock.monotonic() - saidAt < sayAgainMs) return;
    saidAt = systemClock.monotonic();
    log.warn("Redis is read-only; reconnecting", { event: "redis.read_only", redis: redact(url), problem });
  }
  redis.on("error", (error) => {
    const problem = messageOf(error);
    obstacle = error;
    // ioredis repeats the same error at each attempt.
    if (problem !== last) log.warn("No connection to Redis; trying again", { redis: redact(url), problem });
    last = problem;
  });
  redis.on("ready", () => last = "");
  obstacles.set(redis, () => last);
  await settledWithin(connectTimeoutMs, systemClock, new Promise((resolve) => redis.once("ready", resolve)));
  return redis;
}

/**
 * Returns the pause before the next attempt to connect, in ms.
 * @param attempt the number of failed attempts, 1 or more @param obstacle the last error; `undefined` without one
 */
export function reconnectPauseMs(attempt: number, obstacle: unknown): number {
  const isAway = obstacle !== undefined && nothingListens(obstacle);
  return Math.min(attempt * 100, isAway ? longestPauseAwayMs : longestPauseMs);
}

/** Returns the reason for a failed command: without a connection, ioredis's error does not tell why there is none. */
export function explainRedis(redis: Redis, error: unknown): unknown {
  if (!messageOf(error).includes("enableOfflineQueue")) return error;
  return new Error(`no connection to Redis: ${obstacles.get(redis)?.() || "it was lost"}`, { cause: error });
}

/** Sends QUIT, and disconnects when Redis does not close the connection within 1 s. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === "end") return;
  const ended = new Promise((resolve) => redis.once("end", resolve));
  redis.quit().catch(() => redis.disconnect());
  if (!await settledWithin(closeTimeoutMs, systemClock, ended)) redis.disconnect();
}
