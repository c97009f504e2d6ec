/**
 * Measures how long after a server's return the subscriber stores the first new row (Redis: is connected again). Each
 * server is killed, and started 7 s later, while events are published at 100/s. RabbitMQ has returned when it accepts a
 * connection, Postgres and Redis when they answer. `deno run -A bench/returns.ts [RUNS [FOLDER OF ANOTHER CHECKOUT]]`
 */
import { systemClock } from "../shared/runtime/clock.ts";
import { listensAt } from "../shared/runtime/presence/listens.ts";
import { Session } from "../shared/postgres/session.ts";
import { PrivateServers, withRedis } from "../tests/harness/private_servers.ts";
import { freePort, Members } from "../tools/demo/members.ts";
import { catalogue } from "../tools/migrate/catalogue.ts";
import { migrateUp } from "../tools/migrate/migrator.ts";
import { delay, type ServerName } from "../tools/services/server.ts";
import { project } from "./program.ts";
import { spreadOf } from "./results.ts";

const [awayMs, pollMs, giveUpMs] = [7_000, 10, 60_000];
const [runs = "5", folder = project] = Deno.args;
const id = "measured";
let lastRows = 0;

await using servers = await PrivateServers.start();
const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = servers.direct;
await withSql((sql) => migrateUp({ sql, catalogue, clock: systemClock, say: () => {} }));
await using members = new Members(folder);
const env = { ...servers.direct, RATES_API_ADDRESS: `127.0.0.1:${freePort()}`, SUBSCRIBER_ID: id, LOG_LEVEL: "info" };
await members.untilLogged(members.start("rates-api", [], env), "rates_api.ready");
const subscriber = members.start("subscriber", ["--quiet", "--http", `127.0.0.1:${freePort()}`], env);
await members.untilLogged(subscriber, "consumer.ready");
members.start("publisher", ["--count", "1000000", "--rate", "100"], env);

const isBack: Record<ServerName, () => Promise<boolean>> = {
  rabbitmq: () => listensAt(RABBITMQ_URL, 5672),
  redis: () => clients().then(() => true),
  postgres: () => rows().then(() => true),
};
for (const name of ["rabbitmq", "postgres", "redis"] as const) {
  const found: number[] = [];
  for (let run = 0; run < Number(runs); run++) {
    await delay(5_000);
    await servers.kill(name);
    await delay(awayMs);
    const before = name === "redis" ? 0 : await rows().catch(() => lastRows);
    const restarting = servers.restart();
    await until(isBack[name]);
    const returned = performance.now();
    await until(async () => name === "redis" ? (await clients()).includes(`name=${id} `) : await rows() > before);
    found.push(performance.now() - returned);
    await restarting;
  }
  const { median, min, max } = spreadOf(found);
  console.log(`${name}: median ${median.toFixed(0)} ms, ${min.toFixed(0)} to ${max.toFixed(0)} ms`);
}

async function rows(): Promise<number> {
  const ask = (sql: Session) => sql.one<{ rows: number }>("select count(*)::int as rows from events");
  return lastRows = (await withSql(ask)).rows;
}

function clients(): Promise<string> {
  return withRedis(REDIS_URL, async (redis) => String(await redis.client("LIST")));
}

async function withSql<T>(use: (sql: Session) => Promise<T>): Promise<T> {
  await using sql = new Session(DATABASE_URL, { name: "casino-bench" });
  return await use(sql);
}

async function until(is: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + giveUpMs; !await is().catch(() => false);) {
    if (performance.now() > giveUpAt) throw new Error(`nothing within ${giveUpMs} ms`);
    await delay(pollMs);
  }
}
