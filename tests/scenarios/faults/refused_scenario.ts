/** Servers that reject a subscriber, at its start or while it runs. */
import { match, strictEqual } from "node:assert/strict";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues } from "../../harness/batch.ts";
import { startRedis } from "../../harness/extra_server.ts";
import { withWorld } from "../../harness/world.ts";
import { withRedis } from "../../harness/private_servers.ts";
import { sharedWorld } from "./shared_world.ts";

Deno.test("a subscriber that Postgres refuses, or with a node of a Redis Cluster that lacks its keys, reports it and exits with 1", async () => {
  const clustered = (name: string) => startRedis("--cluster-enabled", "yes", "--cluster-config-file", name);
  await using empty = await clustered("empty.conf");
  await using holder = await clustered("holder.conf");
  const [url, holderUrl] = [empty, holder].map(({ port }) => `redis://127.0.0.1:${port}`) as [string, string];
  await withRedis(holderUrl, (redis) => redis.call("cluster", "addslotsrange", "0", "16383"));
  await withRedis(url, async (redis) => {
    await redis.call("cluster", "meet", "127.0.0.1", String(holder.port));
    await eventually("a cluster", async () => String(await redis.cluster("INFO")).includes("cluster_state:ok"));
  });
  await withWorld(async (world) => {
    const refused = world.launchSubscriber("refused", {
      REDIS_URL: url,
      DATABASE_URL: world.env["DATABASE_URL"]!.replace("casino:casino@", "casino:wrong@"),
    });
    strictEqual((await refused.ended).code, 1);
    await refused.read;
    const said = refused.messages.join("\n");
    match(
      said,
      /Postgres at 127\.0\.0\.1:5432 rejected the login in DATABASE_URL: password authentication failed/,
    );
    const moved = new RegExp(
      `REDIS_URL points at a node of a Redis Cluster that does not hold ${world.events}:\\{rates\\}:current ` +
        `\\(MOVED \\d+ 127\\.0\\.0\\.1:${holder.port}\\): set REDIS_URL to the node that holds the key, 127\\.0\\.0\\.1:${holder.port}, or`,
    );
    match(said, moved);
    strictEqual(said.includes("wrong"), false, "no password");
  });
});

const test = sharedWorld({ RATES_TTL_MS: "1000" });

test("servers accept a subscriber, then refuse its passwords for a while: it reports that, and goes on when they let it in", async ({ world, batch, ledger, start }) => {
  const { servers } = world;
  const rabbitmqctl = (...args: string[]) => servers.rabbitmqctl("-q", ...args);
  const { REDIS_URL } = servers.direct;
  const passwords = async (password: string) => {
    await rabbitmqctl("change_password", "rotated", password);
    await servers.asSuperuser(`alter role rotated password '${password}'`);
    await withRedis(REDIS_URL, (redis) => redis.call("acl", "setuser", "rotated", "resetpass", `>${password}`));
  };
  const as = (url: string) => Object.assign(new URL(url), { username: "rotated", password: "first" }).href;

  await rabbitmqctl("add_user", "rotated", "first");
  await rabbitmqctl("set_permissions", "rotated", ".*", ".*", ".*");
  await servers.asSuperuser("create role rotated login in role casino");
  await withRedis(REDIS_URL, (redis) => redis.call("acl", "setuser", "rotated", "on", "~*", "+@all"));
  await passwords("first");
  const { RABBITMQ_URL, DATABASE_URL, REDIS_URL: members } = servers.env;
  const env = { RABBITMQ_URL: as(RABBITMQ_URL), DATABASE_URL: as(DATABASE_URL), REDIS_URL: as(members) };
  const subscriber = start("one", env);
  await batch.publish(100);
  await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);

  const problems = (event: string) =>
    subscriber.records.filter((record) => record["event"] === event).map((record) => JSON.stringify(record)).join("\n");
  const untilSaid = (event: string) =>
    eventually(event, async () => {
      await batch.publish(20);
      return problems(event) !== "";
    });
  await passwords("second");
  servers.proxies.redis.cut();
  // No event arrives meanwhile, so no one asks for rates before the reconnect is rejected.
  await eventually("Redis's refusal", () => JSON.stringify(subscriber.records).includes("WRONGPASS"));
  await untilSaid("redis.away");
  match(problems("redis.away"), /no connection to Redis: WRONGPASS/);
  servers.proxies.postgres.cut();
  await untilSaid("batch.held");
  // The first problem is that the batch's own connection was lost.
  const byPostgres = /rejected the login in DATABASE_URL: password authentication failed/;
  await eventually("Postgres's refusal", () => byPostgres.test(problems("batch.held")));
  servers.proxies.rabbitmq.cut();
  const byRabbitmq = /rejected the login of rotated in RABBITMQ_URL: .*ACCESS_REFUSED/;
  await eventually("RabbitMQ's refusal", () => byRabbitmq.test(problems("broker.refusing")));

  await passwords("first");
  await untilSaid("redis.back");
  await checkAllStored(world, ledger, ledger.attempted);
});
