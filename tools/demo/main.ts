/** `deno task demo`: the whole system at work on this machine, from nothing to a summary. */
import { join } from "node:path";
import { openConnection } from "../../shared/amqp/connection.ts";
import { eventTopology } from "../../shared/amqp/topology.ts";
import { systemClock as clock } from "../../shared/clock.ts";
import { type Config, readConfig } from "../../shared/config.ts";
import { runCommand } from "../../shared/command.ts";
import { closePostgres, openPostgres } from "../../shared/postgres.ts";
import { closeRedis, openRedis } from "../../shared/redis.ts";
import { silentLog } from "../../shared/telemetry/log.ts";
import { catalogue } from "../migrate/catalogue.ts";
import { migrateUp } from "../migrate/migrator.ts";
import { down } from "../services/down.ts";
import { up } from "../services/up.ts";
import { freePort, Members } from "./members.ts";
import { printSummary, waitUntilSettled } from "./outcome.ts";

const schema = "demo";
const project = join(import.meta.dirname!, "../..");
const say = (sentence: string) => console.log(sentence);

await runCommand({
  name: "deno task demo",
  summary:
    "Brings the servers up, starts the rates API and two subscribers, publishes a sample file and generated events,\n" +
    "waits until each is stored or dead-lettered, tells what happened, and stops what it started.\n" +
    "It keeps to queues, keys and a schema of its own, and removes them.",
  flags: {
    count: { short: "n", value: "N", help: "how many generated events [10000]", integer: { min: 0, max: 10_000_000 } },
    keep: { help: "leave servers that were started running" },
  },
  settings: ["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"],
  examples: ["deno task demo", "deno task demo --count 100000 --keep"],
}, async ({ flags, config }) => {
  const count = flags.count ?? 10_000;
  const started = await up({ config, project, say });
  const members = new Members(project);
  try {
    const names = ownNames(config);
    await removeTraces(names);
    await prepareSchema(config.DATABASE_URL, names.DATABASE_URL);
    say(`\nStarting the rates API and two subscribers`);
    const ratesApi = members.start("rates-api", ["--delay-ms", "100"], names);
    await members.untilLogged(ratesApi, "Serving rates");
    const subscribers = ["demo-1", "demo-2"].map((id) =>
      members.start("subscriber", ["--quiet"], { ...names, SUBSCRIBER_ID: id })
    );
    for (const subscriber of subscribers) await members.untilLogged(subscriber, "Consuming");

    say(`Publishing samples/events.ndjson and ${count} generated events`);
    const begun = clock.monotonic();
    const sample = await members.runToEnd("publisher", ["--input", join(project, "samples/events.ndjson")], names);
    const generated = await members.runToEnd("publisher", ["--count", String(count)], names);
    say(`  ${sample}\n  ${generated}`);

    const settled = await waitUntilSettled(names, publishedIn(sample) + publishedIn(generated));
    const seconds = (clock.monotonic() - begun) / 1000;
    for (const subscriber of subscribers) await members.stop(subscriber);
    await members.stop(ratesApi);
    await printSummary({ names, settled, seconds, ratesCalls: Number(ratesApi.lastFields["calls"] ?? 0), say });
    await removeTraces(names);
    return settled.lost === 0 ? 0 : 1;
  } finally {
    await members.stopAll();
    if (started.length > 0 && !flags.keep) {
      say("");
      await down({ project, only: started, say });
    }
  }
});

/** Names of the demo's own for all that it makes, so that it meets nobody else's data. */
function ownNames(config: Pick<Config, "RABBITMQ_URL" | "REDIS_URL" | "DATABASE_URL">) {
  const database = new URL(config.DATABASE_URL);
  database.searchParams.set("search_path", schema);
  return {
    ...readConfig(["RATES_API_KEY", "LOG_LEVEL"], () => undefined),
    ...config,
    DATABASE_URL: database.href,
    EVENTS_EXCHANGE: "casino.demo",
    EVENTS_QUEUE: "casino.demo",
    DEAD_LETTER_QUEUE: "casino.demo.dead",
    REDIS_KEY_PREFIX: "casino:demo:",
    RATES_API_ADDRESS: `127.0.0.1:${freePort()}`,
  };
}

export type Names = ReturnType<typeof ownNames>;

async function prepareSchema(adminUrl: string, url: string): Promise<void> {
  const admin = openPostgres(adminUrl, { name: "casino-demo" });
  await admin.unsafe(`create schema ${schema}`);
  await closePostgres(admin);
  const sql = openPostgres(url, { name: "casino-demo" });
  await migrateUp({ sql, catalogue, clock, say: () => {} });
  await closePostgres(sql);
}

async function removeTraces(names: Names): Promise<void> {
  const connection = await openConnection({ url: names.RABBITMQ_URL, name: "casino-demo" });
  const channel = await connection.createChannel();
  for (const { name, exchange } of eventTopology(names)) {
    await channel.deleteQueue(name);
    await channel.deleteExchange(exchange);
  }
  await connection.close();

  const redis = await openRedis(names.REDIS_URL, { name: "casino-demo", log: silentLog });
  const keys = await redis.keys(`${names.REDIS_KEY_PREFIX}*`);
  if (keys.length > 0) await redis.del(...keys);
  await closeRedis(redis);

  const sql = openPostgres(names.DATABASE_URL, { name: "casino-demo" });
  await sql.unsafe(`drop schema if exists ${schema} cascade`);
  await closePostgres(sql);
}

/** The count in the publisher's closing words. */
function publishedIn(summary: string): number {
  return Number(/published (\d+)/.exec(summary)?.[1] ?? 0);
}
