/** Each member works with its own role, and each role is denied everything that its member does not need. */
import { RedisFleet } from "../../../subscriber/metrics/fleet/redis_fleet.ts";
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Buffer } from "node:buffer";
import type { ConfirmChannel } from "amqplib";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { freePort, Members } from "../../../tools/demo/members.ts";
import { delay } from "../../../tools/services/server.ts";
import { asOperator, getJson, tokensFile, untilAnswered, urlOf } from "../../harness/http.ts";
import { PrivateServers, withRedis } from "../../harness/private_servers.ts";
import { asRole, makeRoles, passwordOf, type Role } from "../../harness/roles.ts";
import { project } from "../../harness/world.ts";
import { letCompact, refuseConnections, refuseStatements } from "./postgres_refusals.ts";

const names = {
  EVENTS_EXCHANGE: "casino.events",
  EVENTS_QUEUE: "casino.events.queue",
  DEAD_LETTER_QUEUE: "casino.events.dead",
  // The rights include those for one queue.
  EVENTS_SHARDS: "2",
};
const cachedRates = "casino:{rates}:current";

Deno.test("with the roles of deno task roles", async (t) => {
  await using servers = await PrivateServers.start();
  const members = new Members(project);
  const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = servers.direct;
  const broker = (role: Role) => ({ ...names, RABBITMQ_URL: asRole(RABBITMQ_URL, role), TOPOLOGY: "check" });
  const rates = { RATES_API_ADDRESS: `127.0.0.1:${freePort()}`, RATES_API_KEY: "a-key-of-the-test" };
  const subscriberEnv = {
    ...broker("subscriber"),
    ...rates,
    DEAD_LETTER_RABBITMQ_URL: asRole(RABBITMQ_URL, "dead-letters"),
    REDIS_URL: asRole(REDIS_URL, "subscriber"),
    DATABASE_URL: asRole(DATABASE_URL, "subscriber", "_"),
    HTTP_TOKENS_FILE: tokensFile,
    RATES_WAIT_MS: "3100",
  };
  const operator = { ...broker("dead-letters"), DATABASE_URL: asRole(DATABASE_URL, "dead-letters", "_") };
  const run = (task: string, args: string[], env: Record<string, string>) => members.runToEnd(task, args, env);
  const startSubscriber = async (env: Record<string, string>) => {
    const subscriber = members.start("subscriber", ["--quiet", "--http", "127.0.0.1:0"], env);
    await members.untilLogged(subscriber, "consumer.ready");
    return subscriber;
  };

  try {
    await t.step("they are created by the printed scripts, which can run again", async () => {
      await makeRoles(servers, names);
      await makeRoles(servers, names);
    });

    await t.step("a member with TOPOLOGY=check waits for the queues, and names them", async () => {
      const publisher = members.start("publisher", ["--count", "1"], broker("publisher"));
      await members.untilLogged(publisher, "broker.unreachable");
      match(String(publisher.records.at(-1)?.["reason"]), /does not exist .*: declare both with deno task provision/);
      match(
        await run("provision", [], { ...broker("provision"), TOPOLOGY: "declare" }),
        /queue casino\.events\.queue exists/,
      );
      const { code } = await publisher.ended;
      strictEqual(code, 0);
    });

    await t.step("every member works, and so do dead letters by command and over HTTP", async () => {
      const migrator = { DATABASE_URL: asRole(DATABASE_URL, "migrator", "_") };
      match(
        await run("migrate", [], migrator),
        /Granted table privileges to casino_dead_letters and casino_reader and casino_subscriber\./,
      );
      await members.untilLogged(members.start("rates-api", [], rates), "rates_api.ready");
      const subscriber = await startSubscriber(subscriberEnv);
      const url = urlOf(subscriber);
      await run("publisher", ["--input", join(project, "samples/events.ndjson")], broker("publisher"));
      const materialized = () => getJson(`${url}/materialized`);
      await untilAnswered(materialized, ({ events_total }) => events_total === 27, "all but one stored");

      await eventually(
        "the letter in the table",
        async () => /unknown-currency/.test(await run("dead", ["list"], operator)) || undefined,
      );
      match(await run("dead", ["replay", "--all"], operator), /^replayed: 1$/m);
      const letters = () => asOperator(`${url}/dead-letters`);
      const again = await untilAnswered(letters, (found) => found.dead_letters[0]?.attempts === 2, "dead once more");
      const [letter] = again.dead_letters;
      deepStrictEqual(await asOperator(`${url}/dead-letters/${letter.message_id}`, "DELETE"), { dropped: 1 });
      const { acts } = await asOperator(`${url}/audit`);
      deepStrictEqual(
        acts.map((
          { who, act, filter, affected, state }: Record<string, unknown>,
        ) => [who, act, filter, affected, state]),
        [
          ["operator", "drop", { id: letter.message_id }, 1, "done"],
          ["casino_dead_letters", "replay", { all: "true" }, 1, "done"],
        ],
      );

      const reader = {
        ...names,
        RABBITMQ_URL: asRole(RABBITMQ_URL, "publisher"),
        REDIS_URL: asRole(REDIS_URL, "reader"),
        DATABASE_URL: asRole(DATABASE_URL, "reader", "_"),
      };
      const status = JSON.parse(await run("status", ["--json"], reader));
      deepStrictEqual([status.totals.events_total, status.queues.events.messages], [27, 0], JSON.stringify(status));
      strictEqual(status.subscribers.subscribers.length, 1, "by Redis, of which the reader may read it");
      const { events: [found] } = JSON.parse(await run("find", ["--json", "1"], reader));
      deepStrictEqual(found.state, "stored");
      await withRedis(
        asRole(REDIS_URL, "reader"),
        (redis) => new RedisFleet(redis, "casino:").ask({ id: "a", text: "" }),
      );
      match(
        await run("erase", ["--player", "11", "--yes"], { ...names, ...migrator }),
        /^Erased: [1-9]\d* events?, 0 dead/m,
      );
      await members.stop(subscriber);
      deepStrictEqual(subscriber.records.filter(({ level }) => level === "error"), []);
    });

    await t.step("an event without rates becomes a dead letter", async () => {
      await withRedis(REDIS_URL, (redis) => redis.del(cachedRates));
      const subscriber = await startSubscriber({ ...subscriberEnv, RATES_API_ADDRESS: `127.0.0.1:${freePort()}` });
      await run("publisher", ["--count", "40", "--seed", "3"], broker("publisher"));
      const letters = () => asOperator(`${urlOf(subscriber)}/dead-letters`);
      await untilAnswered(letters, ({ total }) => total > 0, "dead letters");
      await members.stop(subscriber);
    });

    await t.step("RabbitMQ refuses each user everything that its member does not need", async () => {
      const publish = (exchange: string) => (channel: ConfirmChannel) => {
        channel.publish(exchange, "", Buffer.alloc(0));
        return channel.waitForConfirms();
      };
      const get = (queue: string) => (channel: ConfirmChannel) => channel.get(queue);
      const refused: [Role, string, (channel: ConfirmChannel) => Promise<unknown>][] = [
        ["publisher", "takes events", get("casino.events.queue")],
        ["publisher", "takes events of a shard", get("casino.events.queue.1")],
        ["publisher", "takes dead letters", get("casino.events.dead")],
        ["publisher", "writes dead letters", publish("casino.events.dead-letters")],
        ["publisher", "reaches queues by name", publish("")],
        ["publisher", "declares", (channel) => channel.assertQueue("casino.events.more")],
        ["publisher", "purges", (channel) => channel.purgeQueue("casino.events.queue")],
        ["subscriber", "publishes events", publish("casino.events")],
        ["subscriber", "publishes events by shard", publish("casino.events.shards")],
        ["subscriber", "takes dead letters", get("casino.events.dead")],
        ["subscriber", "declares", (channel) => channel.assertQueue("casino.events.queue")],
        ["subscriber", "deletes", (channel) => channel.deleteQueue("casino.events.queue")],
        ["subscriber", "reaches queues by name", publish("")],
        ["subscriber", "reaches other exchanges", publish("amq.direct")],
        ["dead-letters", "takes events", get("casino.events.queue")],
        ["dead-letters", "writes dead letters", publish("casino.events.dead-letters")],
        ["dead-letters", "reaches queues by name", publish("")],
        ["dead-letters", "deletes", (channel) => channel.deleteQueue("casino.events.dead")],
        ["provision", "declares another queue", (channel) => channel.assertQueue("another")],
        ["provision", "deletes another exchange", (channel) => channel.deleteExchange("amq.topic")],
      ];
      for (const [role, what, act] of refused) {
        strictEqual(await codeOf(asRole(RABBITMQ_URL, role), act), 403, `${role} ${what}`);
      }
      // The same operations succeed for the roles that may do them, so the operations themselves are valid.
      strictEqual(await codeOf(asRole(RABBITMQ_URL, "publisher"), publish("casino.events")), undefined);
      strictEqual(await codeOf(asRole(RABBITMQ_URL, "publisher"), publish("casino.events.shards")), undefined);
      strictEqual(await codeOf(asRole(RABBITMQ_URL, "subscriber"), get("casino.events.queue")), undefined);
      strictEqual(await codeOf(asRole(RABBITMQ_URL, "subscriber"), get("casino.events.queue.1")), undefined);
      strictEqual(await codeOf(asRole(RABBITMQ_URL, "dead-letters"), get("casino.events.dead")), undefined);
    });

    await t.step("Postgres refuses each role everything that its member does not need", async () => {
      await refuseStatements((role) => asRole(DATABASE_URL, role, "_"));
      await letCompact(asRole(DATABASE_URL, "subscriber", "_"));
    });

    await t.step("Postgres refuses a role more connections than its share", async () => {
      await refuseConnections(await servers.superuserUrl(), asRole(DATABASE_URL, "reader", "_"));
    });

    await t.step("Redis refuses each user everything that its member does not need", async () => {
      const refused: [Role, string, string[]][] = [
        ["subscriber", "get", ["another"]],
        ["subscriber", "set", ["casino:another", "x"]],
        ["subscriber", "eval", ["return redis.call('KEYS', '*')", "0"]],
        ["subscriber", "keys", ["*"]],
        ["subscriber", "flushall", []],
        ["subscriber", "config", ["GET", "*"]],
        ["subscriber", "acl", ["LIST"]],
        ["subscriber", "publish", ["channel", "x"]],
        ["reader", "set", [cachedRates, "x"]],
        ["reader", "del", [cachedRates]],
        ["reader", "eval", [`return redis.call('SET', KEYS[1], 'x')`, "1", cachedRates]],
        ["reader", "eval", [`return redis.call('DEL', KEYS[1])`, "1", cachedRates]],
        ["reader", "get", ["another"]],
      ];
      for (const [role, command, args] of refused) {
        const asked = withRedis(asRole(REDIS_URL, role), (redis) => redis.call(command, ...args));
        await rejects(
          asked,
          /NOPERM|ACL failure|can't (run this command|access at least one of the keys)/i,
          `${role} ${command} ${args}`,
        );
      }
    });

    await t.step(
      "a member with another member's role names the refused operation and the cure",
      async () => {
        const declaring = { ...subscriberEnv, TOPOLOGY: "declare" };
        const { code, stderr } = await members.run("subscriber", ["--quiet", "--http", "off"], declaring);
        strictEqual(code, 1);
        match(
          stderr,
          /may not declare the queue casino\.events\.dead or.* Declare both with deno task provision/,
        );
        strictEqual(stderr.includes(passwordOf("subscriber")), false);
        const reader = { ...operator, DATABASE_URL: asRole(DATABASE_URL, "reader", "_") };
        await members.runToEnd("dead", ["list"], reader);
        const wrongUser = await members.run("dead", ["replay", "--all"], reader);
        strictEqual(wrongUser.code, 1);
        match(
          wrongUser.stderr,
          /because it cannot be recorded: permission denied for table acts; grant the roles their privileges/,
        );
      },
    );
  } finally {
    await members.stopAll();
  }
});

/** @returns the code with which the broker closes the channel; `undefined` when it accepts the operation */
async function codeOf(url: string, act: (channel: ConfirmChannel) => Promise<unknown>): Promise<number | undefined> {
  const connection = await openConnection({ url, name: "test" });
  try {
    const channel = await connection.createConfirmChannel();
    let code: number | undefined;
    const closed = new Promise<void>((resolve) =>
      channel.on("error", (error: Error & { code?: number }) => {
        code = error.code;
        resolve();
      })
    );
    try {
      await Promise.race([act(channel), closed]);
    } catch (error) {
      // An unconfirmed message rejects a moment before the channel reports the reason.
      await Promise.race([closed, delay(1_000)]);
      if (code === undefined) throw error;
    }
    return code;
  } finally {
    await connection.close();
  }
}
