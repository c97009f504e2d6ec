/** Reads each server's part of the status. */
import type { ChannelModel } from "amqplib";
import type { Redis } from "ioredis";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { eventsQueuesOf, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { deadline } from "../../shared/runtime/deadline.ts";
import { explainStoreError, messageOf, PermanentError } from "../../shared/runtime/errors.ts";
import { explainConnection, otherServerAt, type Server } from "../../shared/runtime/server_kind.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { closeChannel } from "../../shared/runtime/deno_workarounds/amqp_close_channel.ts";
import { Takes } from "../../subscriber/dead_letters/takes.ts";
import type { HeardReport } from "../../subscriber/metrics/fleet/fleet.ts";
import { RedisFleet } from "../../subscriber/metrics/fleet/redis_fleet.ts";
import { readShares, readTotals } from "../../subscriber/metrics/materialized.ts";
import { RedisRates } from "../../subscriber/rates/redis_rates.ts";
import { readStatusHistory } from "./status_history.ts";
import type { Queues, QueueState, RatesCache, Reader, Totals } from "./status.ts";

/** Reads RabbitMQ's queues; declares none. */
export function queuesReader(config: TopologyConfig & Pick<Config, "RABBITMQ_URL">, clock: Clock): Reader<Queues> {
  const { RABBITMQ_URL: url, DEAD_LETTER_QUEUE } = config;
  const lazy = new LazyConnection<ChannelModel>({
    ...{ server: "RabbitMQ", url, clock },
    async open() {
      const connection = await openConnection({ url, name: "casino status" });
      // The next request fails and reports the lost connection.
      connection.on("error", () => {});
      return connection;
    },
    close: (connection) => connection.close(),
  });
  const names = [DEAD_LETTER_QUEUE, ...eventsQueuesOf(config)];
  return {
    read: () =>
      lazy.ask(async (connection) => {
        const [letters, ...shards] = await Promise.all(names.map((name) => stateOf(connection, name)));
        return { events: sumOf(shards), dead_letters: letters! };
      }),
    close: () => lazy.close(),
  };
}

/** @param shards the first is the queue that all members know */
export function sumOf(shards: readonly QueueState[]): Queues["events"] {
  const [first, ...others] = shards as readonly [QueueState, ...QueueState[]];
  if (others.length === 0) return first;
  const { messages } = first;
  return {
    name: first.name,
    messages: messages === null ? null : others.reduce((sum, { messages }) => sum + (messages ?? 0), messages),
    consumers: Math.max(...shards.map(({ consumers }) => consumers ?? 0)),
    shards,
  };
}

/** Uses its own channel: the broker closes the channel when the queue does not exist. */
async function stateOf(connection: ChannelModel, name: string): Promise<QueueState> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    await closeChannel(channel);
    return { name, messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if ((error as { code?: unknown }).code !== 404) throw error;
    return { name, messages: null, consumers: null };
  }
}

type RedisConfig = Pick<Config, "REDIS_URL" | "REDIS_KEY_PREFIX">;

/** Reads the cached rates and their lock; changes neither. */
export function ratesReader(config: RedisConfig, clock: Clock): Reader<RatesCache> {
  return redisReader(config, clock, inspect);
}

/** Reads the subscribers' reports about themselves. */
export function reportsReader(config: RedisConfig, clock: Clock): Reader<{ readonly reports: HeardReport[] }> {
  return redisReader(config, clock, async (redis, prefix) => ({ reports: await new RedisFleet(redis, prefix).read() }));
}

function redisReader<T>(
  { REDIS_URL: url, REDIS_KEY_PREFIX: prefix }: RedisConfig,
  clock: Clock,
  read: (redis: Redis, prefix: string) => Promise<T>,
): Reader<T> {
  const lazy = new LazyConnection<Redis>({
    ...{ server: "Redis", url, clock },
    open: () => openConnected(url),
    close: closeRedis,
  });
  return { read: () => lazy.ask((redis) => read(redis, prefix)), close: () => lazy.close() };
}

/** @throws when Redis does not answer, or refuses our login */
export async function openConnected(url: string, name = "casino-status"): Promise<Redis> {
  let problem = "";
  const log = {
    ...silentLog,
    warn: (_: string, fields: { problem?: unknown } = {}) => problem = String(fields.problem),
  };
  const redis = await openRedis(url, { name, log });
  if (redis.status === "ready") return redis;
  await closeRedis(redis);
  const code = /\bE[A-Z]{5,}\b/.exec(problem)?.[0];
  throw Object.assign(new Error(`Redis at ${new URL(url).host} cannot be read: ${problem || "no reason given"}`), {
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

const queryTimeoutMs = 4_000;
const mostBusy = 20;

/** Reads the figures of `GET /materialized`, and the share of each subscriber. */
export function totalsReader({ DATABASE_URL: url }: Pick<Config, "DATABASE_URL">, clock: Clock): Reader<Totals> {
  const lazy = new LazyConnection<DatabasePool>({
    ...{ server: "Postgres", url, clock },
    open: () =>
      Promise.resolve(new DatabasePool(url, { name: "casino-status", max: 2, timeoutMs: queryTimeoutMs, clock })),
    close: (database) => database.close(),
  });
  return { read: () => lazy.ask((database) => read(database, clock)), close: () => lazy.close() };
}

async function read(database: DatabasePool, clock: Clock): Promise<Totals> {
  try {
    const [{ materialized }, letters, shares, history] = await Promise.all([
      readTotals(database),
      new Takes(database).count(),
      readShares(database),
      // The others' figures do not depend on it.
      readStatusHistory(database, clock.now()).catch(() => null),
    ]);
    const subscribers = Array.from(shares, ([id, stored]) => ({ id, events_per_minute: stored })).slice(0, mostBusy);
    return {
      ...materialized,
      dead_letters: letters.dead,
      dead_letters_untended: letters.untended,
      history,
      subscribers,
    };
  } catch (error) {
    const { code } = error as { code?: string };
    throw Object.assign(new Error(explainStoreError(error)), code !== undefined && { code });
  }
}

interface LazyOptions<C> {
  readonly server: Server;
  readonly url: string;
  open(): Promise<C>;
  close(connection: C): Promise<unknown>;
  readonly clock: Clock;
}

const timeoutMs = 5_000;

/** A connection for one request at a time: opened on first use, kept, and closed after a failure. */
class LazyConnection<C> {
  #opened: Promise<C> | undefined;

  constructor(private readonly options: LazyOptions<C>) {}

  /** @throws {Error} with a sentence that names the server when it does not answer within 5 s */
  async ask<T>(question: (connection: C) => Promise<T>): Promise<T> {
    const { server, url, clock } = this.options;
    const opened = this.#opened ??= this.options.open();
    const late = new Error(`${server} at ${new URL(url).host} did not answer within ${timeoutMs} ms.`);
    try {
      return await deadline(opened.then(question), { ...{ ms: timeoutMs, clock }, exceeded: () => late });
    } catch (error) {
      // Not awaited: an unresponsive server would not answer the close either.
      this.close().catch(() => {});
      const explained = error === late
        ? await otherServerAt(url, server) ?? late
        : await explainConnection(error, server, url);
      if (explained instanceof PermanentError) throw explained;
      const sentence = messageOf(explained);
      throw new Error(
        sentence.startsWith(server) ? sentence : `${server} at ${new URL(url).host} reports an error: ${sentence}`,
      );
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened) await this.options.close(await opened);
  }
}
