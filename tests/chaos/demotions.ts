/** Primaries that become read-only, for a while or behind connections that a forwarder keeps. */
import { startRedis } from "../harness/extra_server.ts";
import { withRedis } from "../harness/private_servers.ts";
import type { PrivateWorld } from "../harness/private_world.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { delay } from "../../tools/services/server.ts";
import { atOnce, type Draw, lasting, servers, staying } from "./fault.ts";

/** By then the members have connected again, and their new connections have been used. */
const reconnectedMs = 3_000;
const noPrimary = ["127.0.0.1", 1] as const;

export class Demotions implements AsyncDisposable {
  #arePinned = false;

  private constructor(
    private readonly world: PrivateWorld,
    /** Those that take turns: the first is the primary. */
    private readonly redis: [primary: string, other: string],
    private readonly second: AsyncDisposable,
    /** Leads the campaign's own questions to the primary Redis, whatever the members' proxy does. */
    private readonly redisProxy: TcpProxy,
  ) {}

  static async start(world: PrivateWorld): Promise<Demotions> {
    const { REDIS_URL } = world.servers.direct;
    const second = await startRedis();
    const other = Object.assign(new URL(REDIS_URL), { host: `127.0.0.1:${second.port}` }).href;
    return new Demotions(world, [REDIS_URL, other], second, await TcpProxy.before(REDIS_URL));
  }

  /** Where the campaign asks Redis. */
  get redisUrl(): string {
    return this.redisProxy.url;
  }

  get faults(): Draw[] {
    const readOnly = ["postgres read-only", servers, () => this.#setReadOnly(), () => this.#setWritable()] as const;
    return [
      () => lasting(...readOnly),
      () => staying("postgres stays read-only", readOnly[1], readOnly[2], readOnly[3]),
      () => staying("redis stays read-only", servers, () => this.#replicateNothing(), () => this.#promoteRedis()),
      () => atOnce("postgres demoted behind kept connections", servers, (ms) => this.#demotePostgres(ms)),
      () => atOnce("redis demoted behind kept connections", servers, (ms) => this.#demoteRedis(ms)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.redisProxy[Symbol.asyncDispose]();
    await this.second[Symbol.asyncDispose]();
  }

  async #setReadOnly(): Promise<void> {
    await this.#release();
    await this.#set("on");
  }

  #setWritable(): Promise<void> {
    return this.#set("off");
  }

  /**
   * Nothing undoes it: the forwarder keeps the connections for as long as the members do. One server plays both: a session
   * that is open takes the setting of the server, and one that begins afterwards takes the setting of the database.
   */
  async #demotePostgres(ms: number): Promise<void> {
    await this.#release();
    await delay(reconnectedMs);
    await this.world.servers.asSuperuser(`alter database ${this.#database} set default_transaction_read_only = off`);
    this.#arePinned = true;
    await this.#set("on");
    await delay(ms);
  }

  /** The demoted server is gone at last, and with it every connection that was kept, or made since. */
  async #release(): Promise<void> {
    if (!this.#arePinned) return;
    await this.#set("off");
    await this.world.servers.asSuperuser(`alter database ${this.#database} reset default_transaction_read_only`);
    this.#arePinned = false;
    this.world.servers.proxies.postgres.cut();
  }

  async #set(value: "on" | "off"): Promise<void> {
    await this.world.servers.asSuperuser(`alter system set default_transaction_read_only = ${value}`);
    await this.world.servers.asSuperuser("select pg_reload_conf()");
  }

  get #database(): string {
    return new URL(this.world.servers.direct.DATABASE_URL).pathname.slice(1);
  }

  /** The two take turns. Nothing undoes it either, and a connection that was kept before does not meet a primary again. */
  async #demoteRedis(ms: number): Promise<void> {
    const { redis } = this;
    this.world.servers.proxies.redis.cut();
    await delay(reconnectedMs);
    redis.reverse();
    await this.#promoteRedis();
    await withRedis(redis[1], (old) => old.replicaof(...noPrimary));
    this.world.servers.proxies.redis.leadNewTo(redis[0]);
    this.redisProxy.leadTo(redis[0]);
    await delay(ms);
  }

  #replicateNothing(): Promise<unknown> {
    return withRedis(this.redis[0], (redis) => redis.replicaof(...noPrimary));
  }

  #promoteRedis(): Promise<unknown> {
    return withRedis(this.redis[0], (redis) => redis.replicaof("no", "one"));
  }
}
