/** Real members on private servers, behind proxies. */
import { join } from "node:path";
import { controlClient } from "../../rates-api/control_client.ts";
import type { Faults } from "../../rates-api/faults.ts";
import { systemClock } from "../../shared/runtime/clock.ts";
import { Session } from "../../shared/postgres/session.ts";
import { TcpProxy } from "../servers/tcp_proxy.ts";
import type { DeadLetter } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { readLetters } from "./dead_letters.ts";
import { freePort, type Member, Members, type StartOptions } from "../../tools/demo/members.ts";
import { catalogue } from "../../tools/migrate/catalogue.ts";
import { migrateUp } from "../../tools/migrate/migrator.ts";
import type { Counts, Ledger } from "./ledger.ts";
import { PrivateServers, ServerAccess } from "./private_servers.ts";

export const project = join(import.meta.dirname!, "../..");

type Env = Readonly<Record<string, string>>;
const wordsOfCrash = 16;
const ratesApiKey = "a-key-of-the-test";
const controlKey = "a-key-of-the-controls";

export class PrivateWorld extends ServerAccess implements AsyncDisposable {
  readonly members = new Members(project);
  /** Members that exited without being asked to. */
  readonly crashes: string[] = [];
  readonly #asked = new WeakSet<Member>();
  ratesApi: Member | undefined;

  private constructor(
    readonly servers: PrivateServers,
    readonly ratesProxy: TcpProxy,
    readonly ratesAddress: string,
    readonly env: Env,
  ) {
    super();
  }

  /** @param env settings for all members, beside the addresses */
  static async start(env: Env = {}): Promise<PrivateWorld> {
    const servers = await PrivateServers.start();
    const ratesAddress = `127.0.0.1:${freePort()}`;
    const ratesProxy = await TcpProxy.before(`tcp://${ratesAddress}`);
    const world = new PrivateWorld(servers, ratesProxy, ratesAddress, {
      ...servers.env,
      RATES_API_ADDRESS: ratesProxy.address,
      RATES_API_KEY: ratesApiKey,
      RATES_CONTROL_KEY: controlKey,
      LOG_LEVEL: "info",
      ...env,
    });
    try {
      await using sql = new Session(servers.direct.DATABASE_URL, { name: "casino-test" });
      await migrateUp({ sql, catalogue, clock: systemClock, say: () => {} });
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  startMember(name: string, args: readonly string[], env: Env, options?: StartOptions): Member {
    const member = this.members.start(name, args, { ...this.env, ...env }, options);
    member.ended.then(({ code, signal }) => {
      if (this.#asked.has(member) || code === 0) return;
      const crash = () => {
        const last = member.messages.slice(-wordsOfCrash).join("\n    ");
        return `${name} ${env["SUBSCRIBER_ID"] ?? ""} ended by itself: ${signal ?? code}. It said:\n    ${last}`;
      };
      const at = this.crashes.push(crash()) - 1;
      // Its last log lines, which tell why it exited, may not have arrived yet.
      member.read.then(() => this.crashes[at] = crash());
    });
    return member;
  }

  async startRatesApi(): Promise<void> {
    const member = this.startMember("rates-api", [], { RATES_API_ADDRESS: this.ratesAddress });
    this.ratesApi = member;
    await this.members.untilLogged(member, "rates_api.ready");
  }

  startSubscriber(
    id: string,
    env: Env = {},
    { http = "off", ...options }: StartOptions & { readonly http?: string } = {},
  ): Member {
    const args = ["--http", http, ...options.onLine ? [] : ["--quiet"]];
    return this.startMember("subscriber", args, { ...env, SUBSCRIBER_ID: id }, options);
  }

  async kill(member: Member): Promise<void> {
    this.#asked.add(member);
    await this.members.kill(member);
  }

  async stop(member: Member): Promise<void> {
    this.#asked.add(member);
    await this.members.stop(member);
  }

  async setRatesFaults(faults: Faults): Promise<void> {
    using client = controlClient(this.ratesAddress, controlKey);
    await client.setFaults(faults);
  }

  async ratesCalls(): Promise<number> {
    using client = controlClient(this.ratesAddress, controlKey);
    return (await client.stats()).calls;
  }

  /** Removes every toxic. */
  heal(): void {
    for (const proxy of [...Object.values(this.servers.proxies), this.ratesProxy]) proxy.poison();
  }

  protected override get urls() {
    // A test's own broker has no proxy.
    const own = this.env["RABBITMQ_URL"] !== this.servers.env.RABBITMQ_URL;
    return { ...this.servers.direct, ...own && { RABBITMQ_URL: this.env["RABBITMQ_URL"]! } };
  }

  /** Returns all dead letters without removing them. */
  deadLetters(queue: string): Promise<DeadLetter[]> {
    return this.withChannel((channel) => this.withSql((sql) => readLetters(channel, sql, queue)));
  }

  /** Waits until each confirmed message is stored and reported, or dead-lettered. */
  async untilSettled(ledger: Ledger, deadLetterQueue: string, timeoutMs = 90_000): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    while (true) {
      const letters = await this.deadLetters(deadLetterQueue);
      const dead = new Set(letters.map(({ messageId }) => messageId));
      if (await this.withSql(async (sql) => await ledger.isSettled(sql, dead) && await ledger.isReported(sql))) return;
      if (performance.now() > giveUpAt) throw new Error(`not settled within ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  /** Waits until no queue but this one holds a message, ready or unacked. */
  async untilHandled(deadLetterQueue: string, timeoutMs: number): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    while (true) {
      const listed = await this.servers.rabbitmqctl("-q", "list_queues", "name", "messages", "--formatter", "json");
      const held: { name: string; messages: number }[] = JSON.parse(listed);
      const left = held.filter(({ name, messages }) => name !== deadLetterQueue && messages > 0);
      if (left.length === 0) return;
      if (performance.now() > giveUpAt) {
        throw new Error(`after ${timeoutMs} ms ${left.map(({ name, messages }) => `${name} holds ${messages}`)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  /** Counts the outcomes; call it once all subscribers have exited. */
  async count(ledger: Ledger, deadLetterQueue: string): Promise<Counts> {
    const letters = await this.deadLetters(deadLetterQueue);
    return await this.withSql((sql) => ledger.count(sql, letters));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    await this.members.stopAll();
    await this.ratesProxy[Symbol.asyncDispose]();
    await this.servers[Symbol.asyncDispose]();
  }
}
