/** Faults of Postgres: the batch is held and retried, nothing is dead-lettered, and nothing is stored twice. */
import { ok, strictEqual } from "node:assert/strict";
import type { Session } from "../../../shared/postgres/session.ts";
import { hasLogged } from "../../../tools/demo/members.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues } from "../../harness/batch.ts";
import type { PrivateServers } from "../../harness/private_servers.ts";
import { lockingPlayers } from "../../servers/altered_postgres.ts";
import { sharedWorld, type TestWorld } from "./shared_world.ts";

const test = sharedWorld({ DATABASE_TIMEOUT_MS: "1500" });
const count = 1_500;

async function publishHalf({ world, batch }: TestWorld): Promise<void> {
  await batch.publish(count / 2);
  await eventually("the first half", async () => await world.rows() === count / 2 || undefined);
}

interface Fault {
  readonly name: string;
  begin(servers: PrivateServers): Promise<void> | void;
  end(servers: PrivateServers): Promise<void> | void;
}

const faults: readonly Fault[] = [
  {
    name: "Postgres killed: events wait for it, and each is stored once when it is back",
    begin: (servers) => servers.kill("postgres"),
    end: (servers) => servers.restart(),
  },
  {
    name: "Postgres restarted in an orderly way, twice: events wait for it, and each is stored once",
    async begin(servers) {
      await servers.stop("postgres");
      await servers.restart();
      await servers.stop("postgres");
    },
    end: (servers) => servers.restart(),
  },
  {
    name: "Postgres swallows what it is sent: events wait, and are stored as soon as it answers again",
    begin: ({ proxies }) => proxies.postgres.poison({ kind: "black-hole" }),
    end: ({ proxies }) => proxies.postgres.poison(),
  },
  {
    name: "Postgres read-only, as after a failover to a replica: events wait until it is writable",
    begin: (servers) => setReadOnly(servers, "on"),
    end: (servers) => setReadOnly(servers, "off"),
  },
];

async function setReadOnly(servers: PrivateServers, value: "on" | "off"): Promise<void> {
  await servers.asSuperuser(`alter system set default_transaction_read_only = ${value}`);
  await servers.asSuperuser("select pg_reload_conf()");
}

for (const { name, begin, end } of faults) {
  test(name, async (given) => {
    const { world, batch, ledger, subscribers } = given;
    await publishHalf(given);
    await begin(world.servers);
    await batch.publish(count / 2);
    await eventually("attempts that fail", () => {
      const held = subscribers.flatMap(({ records }) => records).filter(({ event }) => event === "batch.held");
      return held.length >= 3 || undefined;
    });
    strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
    await end(world.servers);
    await checkAllStored(world, ledger, count);
  }, { subscribers: 2 });
}

test("Postgres is away for longer than the broker lets a message be held: the broker requeues it and redelivers it after the outage", async ({ world, batch, ledger, start }) => {
  // Applies to new channels. By default the timeout is half an hour, which RabbitMQ checks once a minute.
  await setConsumerTimeout(world.servers, 1_500, 300);
  await world.servers.stop("postgres");
  const subscribers = ["one", "other"].map((id) => start(id));
  await batch.publish(count);
  for (const subscriber of subscribers) await world.members.untilLogged(subscriber, "consumer.held_back");
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (const { records } of subscribers) {
    strictEqual(records.filter(({ event }) => event === "consumer.ready").length, 1);
  }
  strictEqual(await world.messagesIn(queues.EVENTS_QUEUE), count, "none is in hand");
  strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
  await world.servers.restart();
  await checkAllStored(world, ledger, count);
  await setConsumerTimeout(world.servers, 1_800_000, 60_000);
});

async function setConsumerTimeout(servers: PrivateServers, ms: number, everyMs: number): Promise<void> {
  for (const setting of [`consumer_timeout, ${ms}`, `channel_tick_interval, ${everyMs}`]) {
    await servers.rabbitmqctl("eval", `application:set_env(rabbit, ${setting}).`);
  }
}

test("a subscriber that must stop while Postgres is silent leaves at its deadline, in order, and loses nothing", async (given) => {
  const { world, batch, ledger, start } = given;
  const subscriber = start("first", { DATABASE_TIMEOUT_MS: "60000", SHUTDOWN_GRACE_MS: "500" });
  await publishHalf(given);
  world.servers.proxies.postgres.poison({ kind: "black-hole" });
  await batch.publish(count / 2);
  await eventually("all in hand", async () => await world.messagesIn(queues.EVENTS_QUEUE) === 0 || undefined);
  await world.stop(subscriber);
  strictEqual((await subscriber.ended).code, 0, subscriber.messages.slice(-9).join("\n"));
  ok(hasLogged(subscriber, "member.left"));
  strictEqual(await world.messagesIn(queues.EVENTS_QUEUE), count / 2);
  world.servers.proxies.postgres.poison();
  start("second");
  await checkAllStored(world, ledger, count);
});

test(
  "Postgres chooses a subscriber as the victim of a deadlock: its batch is stored at the next attempt",
  async (given) => {
    const { world, batch, ledger } = given;
    await publishHalf(given);
    await world.servers.withSuperuser((sql) =>
      sql.query(
        `${lockingPlayers} insert into locks select distinct player_id from events; grant all on locks to public`,
      )
    );
    const logged = (await world.servers.log("postgres")).length;
    const isFound = async () => (await world.servers.log("postgres")).slice(logged).includes("deadlock detected");
    // The deadlock needs a batch with both the first and the last player, which depends on chance.
    for (let round = 0; round < 10 && !await isFound(); round++) {
      await world.servers.withSuperuser((sql) => lockAgainst(sql, () => batch.publish(count / 2)));
    }
    ok(await isFound(), "Postgres has told of a deadlock");
    strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
    await checkAllStored(world, ledger, ledger.attempted);
  },
  { subscribers: 2, env: { DATABASE_TIMEOUT_MS: "10000" } },
);

/** Locks players in the opposite order of batches, while batches arrive. */
async function lockAgainst(sql: Session, publish: () => Promise<void>): Promise<void> {
  const { first, last } = await sql.one<{ first: string; last: string }>(
    "select min(player_id) as first, max(player_id) as last from locks",
  );
  let publishing: Promise<void> | undefined;
  await sql.transaction(async (rival) => {
    const lock = (player: string) => rival("select 1 from locks where player_id = $1 for update", [player]);
    // The rival checks for deadlocks late, so that the subscriber detects this deadlock and becomes its victim.
    await rival("set local deadlock_timeout = '20s'");
    await lock(last);
    publishing = publish();
    await eventually("a batch that waits for the rival", async () => {
      const { waits } = await sql.one("select count(*) > 0 as waits from pg_locks where not granted");
      return waits === true || undefined;
    });
    // Time for a large batch to wait too, but less than the 1 s after which it checks for deadlocks.
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Granted when the victim releases its locks.
    await lock(first);
  });
  await publishing;
}
