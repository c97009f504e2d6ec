/**
 * The demo on real servers: its members are processes, with their own queues, keys and schema, which the demo removes.
 */
import { join } from "node:path";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { eventTopology, exchangesOf } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { type Config, readConfig } from "../../shared/runtime/configuration/config.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { catalogue } from "../migrate/catalogue.ts";
import { migrateUp } from "../migrate/migrator.ts";
import { LetterTable } from "../../subscriber/dead_letters/letter_table.ts";
import { down, up } from "../services/up_and_down.ts";
import { freePort, Members } from "./members.ts";
import { type Settled, type Sources, summarize, waitUntilSettled } from "./outcome.ts";

export interface RealOptions {
  /** The project's root. */
  readonly project: string;
  /** Number of generated events. */
  readonly count: number;
  /** Events per second; `undefined`: unlimited. */
  readonly rate: number | undefined;
  /** Whether to leave the servers running that the demo started. */
  readonly keep: boolean;
  readonly config: Pick<Config, "RABBITMQ_URL" | "REDIS_URL" | "DATABASE_URL">;
  readonly say: (sentence: string) => void;
}

const client = "casino-demo";
const schema = "demo";
const queryTimeoutMs = 60_000;

/** @returns the exit status: 1 when an event was lost */
export async function runOnServers({ project, count, rate, keep, config, say }: RealOptions): Promise<number> {
  const started = await up({ config, project, say });
  const members = new Members(project);
  try {
    const names = ownNames(config);
    await removeTraces(names);
    await prepareSchema(config.DATABASE_URL, names.DATABASE_URL);
    say(`\nStarting the rates API and two subscribers`);
    const ratesApi = members.start("rates-api", ["--delay-ms", "100"], names);
    await members.untilLogged(ratesApi, "rates_api.ready");
    const subscribers = ["demo-1", "demo-2"].map((id) =>
      members.start("subscriber", ["--quiet", "--http", "off"], { ...names, SUBSCRIBER_ID: id })
    );
    for (const subscriber of subscribers) await members.untilLogged(subscriber, "consumer.ready");

    say(`Publishing samples/events.ndjson and ${count} generated events`);
    const begun = clock.monotonic();
    const sample = await members.runToEnd("publisher", ["--input", join(project, "samples/events.ndjson")], names);
    const pace = rate === undefined ? [] : ["--rate", String(rate)];
    const generated = await members.runToEnd("publisher", ["--count", String(count), ...pace], names);
    say(`  ${sample}\n  ${generated}`);

    const settled = await withSources(names, async (sources): Promise<Settled> => {
      const settled = await waitUntilSettled(sources, publishedIn(sample) + publishedIn(generated), clock);
      const seconds = (clock.monotonic() - begun) / 1000;
      for (const subscriber of subscribers) await members.stop(subscriber);
      await members.stop(ratesApi);
      const ratesCalls = Number(ratesApi.lastFields["calls"] ?? 0);
      say(await summarize(sources, { settled, seconds, remark: " including the publishers' start", ratesCalls }));
      return settled;
    });
    await removeTraces(names);
    return settled.lost === 0 ? 0 : 1;
  } finally {
    await members.stopAll();
    if (started.length > 0 && !keep) {
      say("");
      await down({ project, only: started, say });
    }
  }
}

/** Returns names for everything that the demo creates, so that it does not touch other data. */
function ownNames(config: RealOptions["config"]) {
  const database = new URL(config.DATABASE_URL);
  database.searchParams.set("search_path", schema);
  return {
    ...readConfig(["RATES_API_KEY", "LOG_LEVEL"], () => undefined),
    ...config,
    DATABASE_URL: database.href,
    EVENTS_EXCHANGE: "casino.demo",
    EVENTS_QUEUE: "casino.demo.queue",
    DEAD_LETTER_QUEUE: "casino.demo.dead",
    REDIS_KEY_PREFIX: "casino:demo:",
    RATES_API_ADDRESS: `127.0.0.1:${freePort()}`,
  };
}

type Names = ReturnType<typeof ownNames>;

async function prepareSchema(adminUrl: string, url: string): Promise<void> {
  await using admin = new Session(adminUrl, { name: client });
  await admin.query(`create schema ${schema}`);
  await using sql = new Session(url, { name: client });
  await migrateUp({ sql, catalogue, clock, say: () => {} });
}

async function withSources<T>(names: Names, use: (sources: Sources) => Promise<T>): Promise<T> {
  const database = new DatabasePool(names.DATABASE_URL, { name: client, max: 1, timeoutMs: queryTimeoutMs, clock });
  const table = new LetterTable(database);
  try {
    return await use({
      database,
      countDead: () => table.count(),
      deadReasons: () => table.countByReason(),
    });
  } finally {
    await database.close();
  }
}

async function removeTraces(names: Names): Promise<void> {
  const connection = await openConnection({ url: names.RABBITMQ_URL, name: client });
  const channel = await connection.createChannel();
  const topology = eventTopology(names);
  for (const { name } of topology) await channel.deleteQueue(name);
  for (const exchange of exchangesOf(topology)) await channel.deleteExchange(exchange);
  await connection.close();

  const redis = await openRedis(names.REDIS_URL, { name: client, log: silentLog });
  const keys = await redis.keys(`${names.REDIS_KEY_PREFIX}*`);
  if (keys.length > 0) await redis.del(...keys);
  await closeRedis(redis);

  await using sql = new Session(names.DATABASE_URL, { name: client });
  await sql.query(`drop schema if exists ${schema} cascade`);
}

/** Returns the count in the publisher's summary. */
function publishedIn(summary: string): number {
  return Number(/published (\d+)/.exec(summary)?.[1] ?? 0);
}
