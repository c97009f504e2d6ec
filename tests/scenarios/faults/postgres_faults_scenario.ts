/** What Postgres may do to us: the batch is held and tried again, nothing is dead-lettered, nothing is stored twice. */
import { ok, strictEqual } from "node:assert/strict";
import type { Session } from "../../../shared/postgres/session.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { type Batch, checkAllStored, queues, withBatch } from "../../harness/batch.ts";
import type { Ledger } from "../../harness/ledger.ts";
import type { PrivateWorld } from "../../harness/private_world.ts";

const env = { DATABASE_TIMEOUT_MS: "1500" };
const count = 1_500;

/** Publishes half before the fault, half while it lasts, and checks that all of it is stored in the end. */
async function under(
  fault: (world: PrivateWorld, hold: () => Promise<void>) => Promise<void>,
  use: (world: PrivateWorld, batch: Batch, ledger: Ledger) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await withBatch(
    async (world, batch, ledger) => {
      await batch.publish(count / 2);
      await eventually("the first half", async () => await world.rows() === count / 2 || undefined);
      await fault(world, async () => {
        await batch.publish(count / 2);
        // Held, and neither stored nor dead-lettered.
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
      });
      await use(world, batch, ledger);
      await checkAllStored(world, ledger, count);
    },
    2,
    env,
  );
}

Deno.test("Postgres killed: events wait for it, and each is stored once when it is back", async () => {
  await under(async ({ servers }, hold) => {
    await servers.kill("postgres");
    await hold();
    await servers.restart();
  });
});

Deno.test("Postgres restarted in an orderly way, twice: events wait for it, and each is stored once", async () => {
  await under(async ({ servers }, hold) => {
    await servers.stop("postgres");
    await servers.restart();
    await servers.stop("postgres");
    await hold();
    await servers.restart();
  });
});

Deno.test("Postgres is away for longer than the broker lets a message be held: it is taken back, and out again once Postgres answers", async () => {
  await withBatch(
    async (world, batch, ledger) => {
      // For channels to come: half an hour, looked at each minute, is what they have else.
      const impatient = ["consumer_timeout, 1500", "channel_tick_interval, 300"];
      for (const setting of impatient) {
        await world.servers.rabbitmqctl("eval", `application:set_env(rabbit, ${setting}).`);
      }
      await world.servers.stop("postgres");
      const onLine = (line: string) => ledger.report(line);
      const members = ["one", "other"].map((id) => world.startSubscriber(id, {}, { onLine }));
      await batch.publish(count);
      for (const member of members) {
        await world.members.untilLogged(member, "No connection to the broker, trying again");
      }
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      for (const { messages } of members) strictEqual(messages.filter((each) => each === "Consuming").length, 1);
      strictEqual(await world.messagesIn(queues.EVENTS_QUEUE), count, "none is in hand");
      strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
      await world.servers.restart();
      await checkAllStored(world, ledger, count);
    },
    0,
    env,
  );
});

Deno.test("Postgres swallows what it is sent: events wait, and are stored as soon as it answers again", async () => {
  await under(async ({ servers }, hold) => {
    servers.proxies.postgres.poison({ kind: "black-hole" });
    await hold();
    servers.proxies.postgres.poison();
  });
});

Deno.test("a subscriber that is asked to leave while Postgres is silent leaves when its time is over, in order, and loses nothing", async () => {
  const patient = { DATABASE_TIMEOUT_MS: "60000", SHUTDOWN_GRACE_MS: "500" };
  await withBatch(
    async (world, batch, ledger) => {
      const onLine = (line: string) => ledger.report(line);
      const subscriber = world.startSubscriber("first", {}, { onLine });
      await batch.publish(count / 2);
      await eventually("the first half", async () => await world.rows() === count / 2 || undefined);
      world.servers.proxies.postgres.poison({ kind: "black-hole" });
      await batch.publish(count / 2);
      await eventually("all in hand", async () => await world.messagesIn(queues.EVENTS_QUEUE) === 0 || undefined);
      await world.stop(subscriber);
      strictEqual((await subscriber.ended).code, 0);
      strictEqual(subscriber.messages.includes("Left"), true);
      strictEqual(await world.messagesIn(queues.EVENTS_QUEUE), count / 2);
      world.servers.proxies.postgres.poison();
      world.startSubscriber("second", {}, { onLine });
      await checkAllStored(world, ledger, count);
    },
    0,
    patient,
  );
});

Deno.test("Postgres read-only, as after a failover to a replica: events wait until it is writable", async () => {
  await under(async ({ servers }, hold) => {
    await servers.asSuperuser("alter system set default_transaction_read_only = on");
    await servers.asSuperuser("select pg_reload_conf()");
    await hold();
    await servers.asSuperuser("alter system set default_transaction_read_only = off");
    await servers.asSuperuser("select pg_reload_conf()");
  });
});

Deno.test("Postgres chooses a subscriber as the victim of a deadlock: its batch is stored at the next try", async () => {
  await withBatch(async (world, batch, ledger) => {
    await batch.publish(count / 2);
    await eventually("the first half", async () => await world.rows() === count / 2 || undefined);
    let found = false;
    // It takes a batch with the first and the last player in it, and that is a matter of chance.
    for (let round = 0; round < mostRounds && !found; round++) {
      await world.servers.withSuperuser((sql) => quarrel(sql, () => batch.publish(count / 2)));
      found = /deadlock detected/.test(await world.servers.log("postgres"));
    }
    ok(found, "Postgres has told of a deadlock");
    strictEqual(await world.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
    await checkAllStored(world, ledger, ledger.attempted);
  });
});

const mostRounds = 10;

/** Locks players against the order in which batches do, while some come. */
async function quarrel(sql: Session, publish: () => Promise<void>): Promise<void> {
  const { first, last } = await sql.one<{ first: string; last: string }>(
    "select min(player_id) as first, max(player_id) as last from player_totals",
  );
  let publishing: Promise<void> | undefined;
  await sql.transaction(async (rival) => {
    const lock = (player: string) => rival("select 1 from player_totals where player_id = $1 for update", [player]);
    // The rival looks for deadlocks late, so that it is the subscriber that finds this one, and is its victim.
    await rival("set local deadlock_timeout = '20s'");
    await lock(last);
    publishing = publish();
    await eventually("a batch that waits for the rival", async () => {
      const { waits } = await sql.one("select count(*) > 0 as waits from pg_locks where not granted");
      return waits === true || undefined;
    });
    // Time for a large batch to wait, too; less than the second after which it looks.
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Granted once the victim has let go.
    await lock(first);
  });
  await publishing;
}
