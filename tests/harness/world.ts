/** Real members on real servers, with private queues, keys and schema, which are removed afterwards. */
import { join } from "node:path";
import type { Channel } from "amqplib";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { eventually } from "../servers/test_queues.ts";
import { eventTopology, exchangesOf } from "../../shared/rabbitmq/topology.ts";
import type { Session } from "../../shared/postgres/session.ts";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { servers, uniqueName } from "../servers/servers.ts";
import { controlClient } from "../../rates-api/control_client.ts";
import { type Faults, noFaults } from "../../rates-api/faults.ts";
import type { DeadLetter } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { countLetters, readLetters } from "./dead_letters.ts";
import { freePort, type Member, Members, type StartOptions } from "../../tools/demo/members.ts";
import type { Catalogue } from "../../tools/migrate/transaction.ts";
import { withTestSchema } from "../servers/test_schema.ts";

/** Queues of events that are removed after a test. */
const mostShardsInATest = 4;

export const project = join(import.meta.dirname!, "../..");

export class World {
  readonly #others: World[] = [];
  readonly env: Readonly<Record<string, string>>;
  readonly events: string;
  readonly dead: string;

  constructor(
    readonly sql: Session,
    readonly channel: Channel,
    name: string,
    databaseUrl: string,
    more: Readonly<Record<string, string>>,
    readonly members = new Members(project),
  ) {
    this.events = name;
    this.dead = `${name}.dead`;
    this.env = {
      ...servers,
      DATABASE_URL: databaseUrl,
      EVENTS_EXCHANGE: this.events,
      EVENTS_QUEUE: this.events,
      DEAD_LETTER_QUEUE: this.dead,
      REDIS_KEY_PREFIX: `${name}:`,
      RATES_API_ADDRESS: `127.0.0.1:${freePort()}`,
      RATES_API_KEY: "a-key-of-the-test",
      RATES_CONTROL_KEY: "a-key-of-the-controls",
      LOG_LEVEL: "info",
      ...more,
    };
  }

  /** Returns the same world with members from another source tree. */
  withMembers(members: Members): World {
    const other = new World(this.sql, this.channel, this.events, this.env["DATABASE_URL"]!, this.env, members);
    this.#others.push(other);
    return other;
  }

  async startRatesApi(...args: string[]): Promise<Member> {
    const member = this.members.start("rates-api", args, this.env);
    await this.members.untilLogged(member, "rates_api.ready");
    return member;
  }

  /** Resolves when the subscriber consumes. */
  async startSubscriber(
    id: string,
    env: Record<string, string> = {},
    options: StartOptions & { readonly http?: string } = {},
  ): Promise<Member> {
    const member = this.launchSubscriber(id, env, options);
    await this.members.untilLogged(member, "consumer.ready");
    return member;
  }

  launchSubscriber(
    id: string,
    env: Record<string, string> = {},
    { http = "off", ...options }: StartOptions & { readonly http?: string } = {},
  ): Member {
    return this.members.start(
      "subscriber",
      ["--http", http, ...options.onLine ? [] : ["--quiet"]],
      { ...this.env, SUBSCRIBER_ID: id, ...env },
      options,
    );
  }

  /** See dying_subscriber.ts. */
  launchDyingSubscriber(id: string, env: Record<string, string>): Member {
    const options = {
      program: "tests/harness/dying_subscriber.ts",
      permissions: ["--allow-run", "--allow-env=DIE_AT,POISON,PAUSE_AT"],
    };
    return this.launchSubscriber(id, env, options);
  }

  untilLogged(member: Member, event: string): Promise<void> {
    return this.members.untilLogged(member, event);
  }

  /** @returns the publisher's output */
  publish(...args: string[]): Promise<string> {
    return this.members.runToEnd("publisher", args, this.env);
  }

  /** Runs a member until it exits, whatever its exit status. */
  tryRunning(
    name: string,
    args: readonly string[],
    options?: StartOptions,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return this.members.run(name, args, this.env, options);
  }

  stop(member: Member): Promise<void> {
    return this.members.stop(member);
  }

  async stopAll(): Promise<void> {
    await Promise.all([this.members.stopAll(), ...this.#others.map((other) => other.stopAll())]);
  }

  /** Replaces the rates API's faults. */
  async setRatesFaults(faults: Partial<Faults>): Promise<void> {
    using client = controlClient(this.env["RATES_API_ADDRESS"]!, this.env["RATES_CONTROL_KEY"]!);
    await client.setFaults({ ...noFaults, ...faults });
  }

  /** Returns all dead letters without removing them. */
  async deadLetters(): Promise<DeadLetter[]> {
    const connection = await openConnection({ url: servers.RABBITMQ_URL, name: this.events });
    try {
      const channel = await connection.createChannel();
      const letters = await readLetters(channel, this.sql, this.dead);
      channel.nackAll();
      // The broker requeues the letters a moment later; a read before that would find too few.
      await eventually("all letters", async () => await this.messagesIn(this.dead) >= letters.length || undefined);
      return letters;
    } finally {
      await connection.close();
    }
  }

  /** Runs `deno task dead replay`. */
  replay(...args: string[]): Promise<string> {
    return this.members.runToEnd("dead", ["replay", ...args], this.env);
  }

  /** Returns the rates API's own counts. */
  async ratesStats() {
    using client = controlClient(this.env["RATES_API_ADDRESS"]!, this.env["RATES_CONTROL_KEY"]!);
    return await client.stats();
  }

  async rows(): Promise<number> {
    return (await this.sql.one<{ rows: number }>("select count(*)::int as rows from events")).rows;
  }

  /** For the dead letter queue, the count includes the letters in the table. */
  async messagesIn(queue: string): Promise<number> {
    if (queue === this.dead) return await countLetters(this.channel, this.sql, queue);
    return (await this.channel.checkQueue(queue)).messageCount;
  }

  /** Waits up to a minute until at least this many events are stored and dead-lettered. @throws when they are not */
  async untilSettled(stored: number, dead = 0): Promise<void> {
    let seen = "";
    const settled = async () => {
      const [rows, letters] = [await this.rows(), await this.messagesIn(this.dead)];
      seen = `${rows} of ${stored} stored, ${letters} of ${dead} dead-lettered`;
      return rows >= stored && letters >= dead || undefined;
    };
    for (let tries = 0; tries < 2; tries++) {
      if (await eventually("", settled).catch(() => false)) return;
    }
    throw new Error(`waited a minute: ${seen}`);
  }
}

/**
 * @param env settings for all members, beside the world's own
 * @param migrations other than the project's
 */
export async function withWorld(
  use: (world: World) => Promise<void>,
  { env = {}, migrations }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly migrations?: Catalogue;
  } = {},
): Promise<void> {
  const name = uniqueName("test.world");
  await withTestSchema(async (sql, url) => {
    const connection = await openConnection({ url: servers.RABBITMQ_URL, name });
    const world = new World(sql, await connection.createChannel(), name, url, env);
    try {
      await use(world);
    } finally {
      await world.stopAll();
      const names = { EVENTS_EXCHANGE: name, EVENTS_QUEUE: name, DEAD_LETTER_QUEUE: world.dead };
      const topology = eventTopology({ ...names, EVENTS_SHARDS: mostShardsInATest });
      const channel = await connection.createChannel();
      for (const queue of topology) await channel.deleteQueue(queue.name);
      for (const exchange of exchangesOf(topology)) await channel.deleteExchange(exchange);
      // The dead letter exchange of the last release.
      await world.channel.deleteExchange(world.dead);
      await connection.close();
      const redis = await openRedis(servers.REDIS_URL, { name, log: silentLog });
      await redis.del(...["current", "lock", "subscribers"].map((key) => `${name}:{rates}:${key}`));
      await closeRedis(redis);
    }
  }, migrations);
}
