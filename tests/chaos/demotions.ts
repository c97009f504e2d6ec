/**
 * Faults in which a primary becomes read-only: temporarily, or permanently behind connections that a forwarder keeps
 * open.
 */
import { startRedis } from "../harness/extra_server.ts";
import { withRedis } from "../harness/private_servers.ts";
import type { PrivateWorld } from "../harness/private_world.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import { delay } from "../../tools/services/server.ts";
import { atOnce, type Draw, lasting, servers, staying } from "./fault.ts";

/** By then the members have reconnected and used their new connections. */
const reconnectedMs = 3_000;
const noPrimary = ["127.0.0.1", 1] as const;

export class Demotions implements AsyncDisposable {
  #arePinned = false;

  private constructor(
    private readonly world: PrivateWorld,
    /** The two servers, which swap roles: the first is the primary. */
    private readonly redis: [primary: string, other: string],
    private readonly second: AsyncDisposable,
    /** Routes the campaign's own requests to the primary Redis, independently of the members' proxy. */
    private readonly redisProxy: TcpProxy,
  ) {}

  static async start(world: PrivateWorld): Promise<Demotions> {
    const { REDIS_URL } = world.servers.direct;
    const second = await startRedis();
    const other = Object.assign(new URL(REDIS_URL), { host: `127.0.0.1:${second.port}` }).href;
    return new Demotions(world, [REDIS_URL, other], second, await TcpProxy.before(REDIS_URL));
  }

  /** URL at which the campaign reaches Redis. */
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
   * Makes Postgres read-only for new sessions. Nothing reverts it: the forwarder keeps a connection open as long as the
   * member does. One server plays both roles: open sessions take the server's setting, and new sessions take the
   * database's setting.
   */
  async #demotePostgres(ms: number): Promise<void> {
    await this.#release();
    await delay(reconnectedMs);
    await this.world.servers.asSuperuser(`alter database ${this.#database} set default_transaction_read_only = off`);
    this.#arePinned = true;
    await this.#set("on");
    await delay(ms);
  }

  /** Removes the demoted server, and closes every connection to it. */
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

  /**
   * Swaps the roles of the two Redis servers. Nothing reverts it: a connection that was opened before the swap never
   * reaches a primary again.
   */
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
