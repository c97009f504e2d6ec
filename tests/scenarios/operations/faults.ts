/** The faults and events behind the `meanwhile` comments of the documents. */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { deadLetterHeaders } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import type { EventOf } from "../../../shared/event/event.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { Batch, queues } from "../../harness/batch.ts";
import { Authority } from "../../harness/encrypted_servers.ts";
import { systemClock } from "../../../shared/runtime/clock.ts";
import { Session } from "../../../shared/postgres/session.ts";
import { withWeeks } from "../../servers/test_schema.ts";
import type { System } from "./system.ts";

type Happening = (system: System) => Promise<void>;

const some = 60;
const standstillMs = 2_500;
let lastId = 900_000n;

export const happenings: Readonly<Record<string, Happening>> = {
  "events come all the time"(system) {
    const batch = new Batch(system.servers.direct.RABBITMQ_URL, system.ledger, 7, 5_000_000n);
    const stop = new AbortController();
    const published = (async () => {
      for (; !stop.signal.aborted; await systemClock.sleep(20)) await batch.publish(1);
    })();
    forgotten.push(async () => {
      stop.abort();
      await published;
      await batch.close();
    });
    return Promise.resolve();
  },

  "events come no more": endAll,
  "the session ends": endAll,

  async "a file of events is to be published"(system) {
    await system.writeEvents("todays-events.ndjson", some);
  },

  async "another CA has signed new certificates"({ operator }) {
    const folder = join(operator.folder, "new");
    await Deno.mkdir(folder);
    const authority = await Authority.make(folder, "ca");
    for (const name of ["server", "member"]) await authority.sign(name, "DNS:localhost");
  },

  async "the database is lost"(system) {
    const before = await system.rows();
    await eventually("events that no dump has", async () => await system.rows() > before + 20 || undefined);
    const lost = new URL(system.servers.direct.DATABASE_URL).pathname.slice(1);
    await system.operator.type(`psql "$DATABASE_SERVER_URL" -c 'drop database ${lost} with (force)'`);
    await new Promise((resolve) => setTimeout(resolve, standstillMs));
  },

  "the servers are started again": ({ servers }) => servers.restart(),

  async "RabbitMQ has too little disk"({ servers }) {
    await servers.rabbitmqctl("set_disk_free_limit", "900000GB");
  },

  "events are published": (system) => system.publish(some),

  async "subscriber-1 is killed"(system) {
    await system.operator.end("subscriber-1", "KILL");
    await system.publish(some);
  },

  async "somebody guesses tokens"(system) {
    for (let i = 0; i < 8; i++) {
      const headers = { authorization: `Bearer a-wrong-token-of-the-test-${i}` };
      const response = await fetch(`http://${system.env["HTTP"]}/session`, { method: "POST", headers });
      await response.body?.cancel();
    }
  },

  async "subscribers are stopped"(system) {
    await system.stopSubscribers();
    await system.publish(some);
  },

  async "RabbitMQ is stopped"({ servers }) {
    await servers.stop("rabbitmq");
  },

  async "Postgres is stopped"(system) {
    await system.servers.stop("postgres");
    await system.publish(some);
  },

  async "Redis is killed"(system) {
    await system.servers.kill("redis");
    await system.publish(some);
  },

  /** Each transaction stores one event. */
  async "subscribers are slow"(system) {
    await system.stopSubscribers();
    await system.publish(4_000);
    await system.startMembers({ BATCH_SIZE: "1", PREFETCH: "1" });
  },

  async "a session holds a lock"(system) {
    const sql = new Session(system.servers.direct.DATABASE_URL, { name: "a-forgotten-session" });
    await sql.query("begin; lock table events in share row exclusive mode");
    await system.publish(some);
    forgotten.push(() => sql.close());
  },

  async "a session locks the totals"(system) {
    const sql = new Session(system.servers.direct.DATABASE_URL, { name: "a-forgotten-session" });
    await sql.query("begin; lock table player_totals in share row exclusive mode");
    await system.publish(some);
    forgotten.push(() => sql.close());
  },

  async "events have waited"(system) {
    await system.stopSubscribers();
    await system.publish(some);
    await new Promise((resolve) => setTimeout(resolve, standstillMs));
    await system.startMembers();
    // The first subscriber may have taken all the waiting events before the second was up.
    await system.publish(some);
  },

  async "bad events are published"(system) {
    await send(system, Buffer.from("no event"));
    await send(system, Buffer.from([]));
  },

  async "an event has a currency without a rate"(system) {
    await send(system, { currency: "AED" });
  },

  async "Postgres rejects a row"(system) {
    await system.withSql((sql) =>
      sql.query("alter table events add constraint no_such_bet check (amount <> 666) not valid")
    );
    await sendGood(system, { amount: 666n });
  },

  async "the constraint is dropped"(system) {
    await system.withSql((sql) => sql.query("alter table events drop constraint no_such_bet"));
  },

  async "an event reaches the delivery limit"(system) {
    await system.stopSubscribers();
    await sendGood(system, {});
    await system.withChannel(async (channel) => {
      await channel.consume(queues.EVENTS_QUEUE, (delivery) => delivery && channel.nack(delivery));
      await eventually(
        "its dead letter",
        async () => (await channel.checkQueue(queues.DEAD_LETTER_QUEUE)).messageCount > 0 || undefined,
      );
    });
    await system.startMembers();
  },

  async "no rates come"(system) {
    await system.operator.end("rates-api");
    await system.operator.type('redis-cli -u "$REDIS_URL" flushall');
    await system.publish(some);
    await eventually("a dead letter", async () => await system.messagesIn(queues.DEAD_LETTER_QUEUE) > 0 || undefined);
  },

  async "Postgres is read-only"(system) {
    await system.servers.asSuperuser("alter system set default_transaction_read_only = on");
    await system.servers.asSuperuser("select pg_reload_conf()");
    await system.publish(some);
  },

  async "a migration that batches need is rolled back"(system) {
    const files = Array.from(Deno.readDirSync(join(system.operator.folder, "migrations")), ({ name }) => name).sort();
    const steps = files.length - files.findIndex((name) => name.endsWith("_add_sent_ids.ts"));
    await system.operator.try(`deno task migrate:down --steps ${steps}`, undefined, "the migration of sent_id");
    await system.publish(some);
  },

  async "nobody makes partitions"(system) {
    await system.withSql((sql) => sql.query(withWeeks(1)));
  },

  async "the last retention was three days ago"(system) {
    await system.withSql((sql) =>
      sql.query(`
        insert into acts (begun_at, ended_at, who, act, filter, peer, via, state)
        select before, before, 'casino', 'retention', '{"days": "0"}', 'local', 'deno task retention', 'done'
        from (select now() - interval '3 days' as before) as run`)
    );
  },

  async "rates are stale"(system) {
    await system.stopSubscribers();
    // The cached rates must expire: then the next subscribers cache theirs for RATES_MAX_STALE_MS.
    await new Promise((resolve) => setTimeout(resolve, standstillMs));
    await system.startMembers({ RATES_MAX_STALE_MS: "600000" });
    await system.publish(some);
    await system.checkNothingIsLost();
    await system.operator.try("deno task rates-api:control --error-share 1", undefined, "the faults");
    await new Promise((resolve) => setTimeout(resolve, standstillMs));
    await system.publish(some);
  },

  async "an older version has failed on an event"(system) {
    const { messageId, body } = good(system, {});
    const why = { reason: "processing-failed", detail: "RangeError: it was not foreseen" };
    const headers = deadLetterHeaders({ headers: {} }, { ...why, subscriberId: "subscriber-1", now: Date.now() });
    await system.withChannel(async (channel) => {
      channel.sendToQueue(queues.DEAD_LETTER_QUEUE, body, { messageId, headers, persistent: true });
      await eventually("its letter", async () => await system.messagesIn(queues.DEAD_LETTER_QUEUE) > 0 || undefined);
    });
  },

  async "subscriber-1 stands still for a while"({ operator }) {
    await operator.signal("subscriber-1", "STOP");
    // The lag is sampled every other second: a pause looks up to two seconds shorter.
    await new Promise((resolve) => setTimeout(resolve, 2 * standstillMs));
    await operator.signal("subscriber-1", "CONT");
  },
};

/** Functions that end the faults which last until further notice. */
const forgotten: (() => Promise<void>)[] = [];

async function endAll(): Promise<void> {
  for (const end of forgotten.splice(0)) await end();
}

/** Restores the initial state between two sections. */
export async function putInOrder(system: System): Promise<void> {
  await endAll();
  await system.operator.end("subscriber-3");
  if (system.differs) await system.stopSubscribers();
  await system.startMembers();
}

/** Returns an event that the ledger expects to be stored. */
function good(system: System, fields: Partial<EventOf<"bet">>): { messageId: string; body: Buffer } {
  const event = bet({ id: ++lastId, currency: "EUR", ...fields });
  const messageId = uuid(event.id);
  system.ledger.attempt({ messageId, event, reason: undefined });
  system.ledger.confirm(messageId);
  return { messageId, body: Buffer.from(encodeEvent(event)) };
}

async function sendGood(system: System, fields: Partial<EventOf<"bet">>): Promise<void> {
  const { messageId, body } = good(system, fields);
  await system.withChannel((channel) =>
    Promise.resolve(channel.publish(queues.EVENTS_EXCHANGE, "", body, { messageId, persistent: true }))
  );
}

/** Sends a message that the document drops later. */
async function send(system: System, what: Buffer | Partial<EventOf<"bet">>): Promise<void> {
  const body = Buffer.isBuffer(what) ? what : Buffer.from(encodeEvent(bet({ id: ++lastId, ...what })));
  const options = { messageId: uuid(++lastId), persistent: true };
  await system.withChannel((channel) => Promise.resolve(channel.publish(queues.EVENTS_EXCHANGE, "", body, options)));
}

function uuid(n: bigint): string {
  return `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;
}
