/** Private RabbitMQ, Redis and Postgres, which a test may kill and pause, behind proxies that inject faults. */
import { countLetters } from "./dead_letters.ts";
import { join } from "node:path";
import type { Channel } from "amqplib";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { Session } from "../../shared/postgres/session.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { nativeFolder } from "../../tools/services/folder.ts";
import { hasEnded, isRunning, type Process } from "../../tools/services/process.ts";
import { delay, type ServerName, settingOf, urlOf } from "../../tools/services/server.ts";
import { Checkout } from "./checkout.ts";
import type { Redis } from "ioredis";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";

/** Heartbeats every 3 s, so that members notice a silent broker within the time of a test. */
const heartbeatSeconds = 3;
const endTimeoutMs = 30_000;
const startAttempts = 10;

export class PrivateServers implements AsyncDisposable {
  private constructor(readonly checkout: Checkout, readonly proxies: Readonly<Record<ServerName, TcpProxy>>) {}

  static async start(): Promise<PrivateServers> {
    const checkout = await Checkout.make();
    try {
      await checkout.up();
      const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = checkout.config;
      const [rabbitmq, redis, postgres] = await Promise.all([
        TcpProxy.before(`${RABBITMQ_URL}?heartbeat=${heartbeatSeconds}`),
        TcpProxy.before(REDIS_URL),
        TcpProxy.before(DATABASE_URL),
      ]);
      return new PrivateServers(checkout, { rabbitmq, redis, postgres });
    } catch (error) {
      await checkout[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The servers' addresses for members: those of the proxies. */
  get env(): Record<"RABBITMQ_URL" | "REDIS_URL" | "DATABASE_URL", string> {
    const { rabbitmq, redis, postgres } = this.proxies;
    return { RABBITMQ_URL: rabbitmq.url, REDIS_URL: redis.url, DATABASE_URL: postgres.url };
  }

  /** The servers' own addresses, for the test. */
  get direct(): Checkout["config"] {
    return this.checkout.config;
  }

  async kill(name: ServerName): Promise<void> {
    const process = await this.#processOf(name);
    Deno.kill(process.pid, "SIGKILL");
    if (!await hasEnded(process, endTimeoutMs)) throw new Error(`${process.name} (pid ${process.pid}) does not end`);
  }

  /** Stops the server gracefully. */
  async stop(name: ServerName): Promise<void> {
    await this.checkout.down({ only: [name] });
  }

  /** Starts the stopped servers. Retries, because children of a killed server may block its start for a while. */
  async restart(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        await this.checkout.up();
        return;
      } catch (error) {
        if (attempt === startAttempts) throw error;
        await delay(1_000);
      }
    }
  }

  /** Points members and the test to another server. */
  replace(name: ServerName, url: string): void {
    this.checkout.config = { ...this.checkout.config, [settingOf[name]]: url };
    this.proxies[name].leadTo(url);
  }

  /** Points new connections to another server: open connections stay with the former one. */
  replaceForNew(name: ServerName, url: string): void {
    this.checkout.config = { ...this.checkout.config, [settingOf[name]]: url };
    this.proxies[name].leadNewTo(url);
  }

  async pause(name: ServerName): Promise<void> {
    Deno.kill((await this.#processOf(name)).pid, "SIGSTOP");
  }

  async resume(name: ServerName): Promise<void> {
    Deno.kill((await this.#processOf(name)).pid, "SIGCONT");
  }

  /** Runs one statement as Postgres's superuser, in the members' database. */
  async asSuperuser(statement: string): Promise<void> {
    await this.withSuperuser((sql) => sql.query(statement));
  }

  superuserUrl(): Promise<string> {
    return this.checkout.superuserUrl();
  }

  async withSuperuser<T>(use: (sql: Session) => Promise<T>): Promise<T> {
    await using sql = new Session(await this.superuserUrl(), { name: "casino-fault", max: 2 });
    return await use(sql);
  }

  /** Returns the folder of the server's data and log. */
  async folderOf(name: ServerName): Promise<string> {
    const { path } = await this.checkout.folder();
    return nativeFolder(path, name, urlOf(name, this.direct));
  }

  async log(name: ServerName): Promise<string> {
    return await Deno.readTextFile(join(await this.folderOf(name), "server.log"));
  }

  rabbitmqctl(...args: string[]): Promise<string> {
    return this.checkout.rabbitmqctl(...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of Object.values(this.proxies)) await proxy[Symbol.asyncDispose]();
    const { state } = await this.checkout.folder();
    for (const process of state.processes) if (await isRunning(process)) Deno.kill(process.pid, "SIGCONT");
    await this.checkout[Symbol.asyncDispose]();
  }

  async #processOf(name: ServerName): Promise<Process> {
    const { state } = await this.checkout.folder();
    const process = state.processes.findLast((each) => each.name === name);
    if (!process) throw new Error(`no ${name} runs at ${settingOf[name]}`);
    return process;
  }
}

/** A test's own access to the servers, around the proxies. */
export abstract class ServerAccess {
  protected abstract get urls(): { readonly RABBITMQ_URL: string; readonly DATABASE_URL: string };

  async withSql<T>(use: (sql: Session) => Promise<T>): Promise<T> {
    await using sql = new Session(this.urls.DATABASE_URL, { name: "casino-test" });
    return await use(sql);
  }

  async withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const connection = await openConnection({ url: this.urls.RABBITMQ_URL, name: "casino-test" });
    // An error event also rejects the caller's promise.
    connection.on("error", () => {});
    try {
      const channel = await connection.createChannel();
      // The broker closes the channel when a queue does not exist; the caller's promise rejects as well.
      channel.on("error", () => {});
      const result = await use(channel);
      // Without this, closing the connection would overtake the published messages.
      await channel.close();
      return result;
    } finally {
      await connection.close();
    }
  }

  /** For the dead letter queue, the count includes the letters in the table. */
  messagesIn(queue: string): Promise<number> {
    if (queue.endsWith(".dead")) {
      return this.withChannel((channel) => this.withSql((sql) => countLetters(channel, sql, queue)));
    }
    return this.withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  }

  async rows(): Promise<number> {
    const ask = (sql: Session) => sql.one<{ rows: number }>("select count(*)::int as rows from events");
    return (await this.withSql(ask)).rows;
  }
}

/** Opens a Redis connection for the test itself. */
export async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = await openRedis(url, { name: "casino-test", log: silentLog });
  try {
    return await use(redis);
  } finally {
    await closeRedis(redis);
  }
}
