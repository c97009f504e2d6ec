/** A private system for an operator: servers, members, a clone of the project, and the published events. */
import { strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { Channel } from "amqplib";
import { eventToJson } from "../../../shared/event/json.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { Batch, checkCounts, makeEvents, queues } from "../../harness/batch.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateServers, ServerAccess } from "../../harness/private_servers.ts";
import { copyProject } from "../../harness/temporary.ts";
import { Operator } from "./operator.ts";

/** Short timeouts, so that a test sees each of them elapse. */
const times = {
  RATES_TTL_MS: "1500",
  RATES_CALL_TIMEOUT_MS: "1000",
  RATES_LOCK_TTL_MS: "2000",
  RATES_WAIT_MS: "4000",
  DATABASE_TIMEOUT_MS: "3000",
};

const settleTimeoutMs = 40_000;
const pauseMs = 100;

export class System extends ServerAccess implements AsyncDisposable {
  readonly ledger = new Ledger();
  #batch: Batch | undefined;
  /** Whether subscribers run with settings that differ from casino.env. */
  differs = false;

  private constructor(
    readonly servers: PrivateServers,
    readonly operator: Operator,
    readonly env: Readonly<Record<string, string>>,
    private readonly programs: string,
  ) {
    super();
  }

  /**
   * @param beforeEach commands that the documents have an operator type first
   * @param more settings for casino.env
   */
  static async start(beforeEach: string, more: Readonly<Record<string, string>> = {}): Promise<System> {
    const servers = await PrivateServers.start();
    const programs = await Deno.makeTempDir({ prefix: "casino-path-" });
    const clone = servers.checkout.project;
    await copyProject(clone);
    const operator = new Operator(clone, programs, beforeEach);
    const admin = await servers.superuserUrl();
    const env = {
      ...servers.direct,
      DATABASE_ADMIN_URL: admin,
      DATABASE_SERVER_URL: inDatabase(admin, "postgres"),
      DATABASE_RESTORE_URL: inDatabase(admin, "casino_restored"),
      RATES_API_ADDRESS: `127.0.0.1:${freePort()}`,
      RATES_API_KEY: "a-key-of-the-test",
      RATES_CONTROL_KEY: "a-key-of-the-controls",
      HTTP: `127.0.0.1:${freePort()}`,
      HTTP_TOKENS_FILE: "tokens",
      ...times,
      ...more,
    };
    const system = new System(servers, operator, env, programs);
    await system.configure({});
    await Deno.writeTextFile(join(clone, "tokens"), "anna administer a-token-of-the-test\n");
    await operator.shadow("deno", `exec '${Deno.execPath()}' "$@"`);
    // `deno task up` must restart the servers from packages, as the test did, even where a Docker engine answers.
    await operator.shadow("docker", "exit 1");
    return system;
  }

  /** Points RabbitMQ's command line tools to the broker, whose epmd port may change with each start. */
  async pointTools(): Promise<void> {
    for (const tool of ["rabbitmqctl", "rabbitmq-diagnostics"]) {
      // No broker is running at the moment.
      const script = await this.servers.checkout.rabbitmqScript(tool).catch(() => undefined);
      if (script !== undefined) await this.operator.shadow(tool, script);
    }
  }

  /** Writes casino.env. @param more settings for members that start after this */
  async configure(more: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries({ ...this.env, ...more }).map(([name, value]) => `${name}='${value}'\n`);
    await Deno.writeTextFile(join(this.operator.folder, "casino.env"), lines.join(""));
  }

  /** Publishes events that the ledger expects. */
  async publish(count: number): Promise<void> {
    // The first subscriber has declared the exchange by now.
    this.#batch ??= new Batch(this.servers.direct.RABBITMQ_URL, this.ledger);
    await this.#batch.publish(count);
  }

  /** Connects to Postgres as the superuser, whatever role owns the tables, and whichever server is the primary. */
  protected override get urls() {
    const { RABBITMQ_URL, DATABASE_URL } = this.servers.direct;
    const { host } = new URL(DATABASE_URL);
    return { RABBITMQ_URL, DATABASE_URL: Object.assign(new URL(this.env["DATABASE_ADMIN_URL"]!), { host }).href };
  }

  /** Writes a file for the publisher, with events that the ledger expects. */
  async writeEvents(name: string, count: number): Promise<void> {
    let lines = "";
    for (const { messageId, event } of makeEvents(9, 9_000_000n).take(count)) {
      this.ledger.attempt({ messageId, event, reason: undefined });
      this.ledger.confirm(messageId);
      lines += `${JSON.stringify(eventToJson(event))}\n`;
    }
    await Deno.writeTextFile(join(this.operator.folder, name), lines);
  }

  /** Starts the members that are not running, as operations.md does. @param first a command that sets variables */
  async startMembers(more: Readonly<Record<string, string>> = {}, first = ""): Promise<void> {
    await this.operator.forgetEnded();
    const exports = Object.entries(more).map(([name, value]) => `export ${name}='${value}'\n`).join("");
    const before = first ? `set -a && ${first} && set +a\n${exports}` : exports;
    const members = {
      "rates-api": "deno task rates-api >>rates-api.log 2>&1 &",
      "subscriber-1":
        'SUBSCRIBER_ID=subscriber-1 deno task subscriber --http "$HTTP" >>events-1.ndjson 2>>subscriber-1.log &',
      "subscriber-2":
        "SUBSCRIBER_ID=subscriber-2 deno task subscriber --http off >>events-2.ndjson 2>>subscriber-2.log &",
    };
    for (const [name, command] of Object.entries(members)) {
      if (!this.operator.running.includes(name)) await this.operator.type(`${command}\necho $! >${name}.pid`, before);
    }
    this.differs = exports !== "";
    await eventually("two subscribers", async () => await this.consumers() >= 2 || undefined).catch(async (error) => {
      const { output } = await this.operator.type("tail -n 5 rates-api.log subscriber-*.log");
      throw new Error(`${error.message}:\n${output}`);
    });
  }

  async stopSubscribers(): Promise<void> {
    const subscribers = this.operator.running.filter((name) => name.startsWith("subscriber"));
    await Promise.all(subscribers.map((name) => this.operator.end(name)));
  }

  /** Returns 0 when the queue does not exist yet. */
  async consumers(): Promise<number> {
    const ask = async (channel: Channel) => (await channel.checkQueue(queues.EVENTS_QUEUE)).consumerCount;
    return await this.withChannel(ask).catch(() => 0);
  }

  /** Waits until each published event is stored, and checks that no dead letter is left. */
  async checkNothingIsLost(): Promise<void> {
    const giveUpAt = performance.now() + settleTimeoutMs;
    while (!await this.withSql((sql) => this.ledger.isSettled(sql, new Set()))) {
      if (performance.now() > giveUpAt) {
        const { output } = await this.operator.type("deno task status; deno task dead list --limit 3");
        throw new Error(`${this.ledger.confirmed} events are not all stored:\n${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    strictEqual(await this.messagesIn(queues.DEAD_LETTER_QUEUE), 0);
  }

  /** Also compares each field and total, and finds each event in the subscribers' output. */
  async checkLedger(): Promise<void> {
    for await (const { name } of Deno.readDir(this.operator.folder)) {
      if (!/^events-\d\.ndjson$/.test(name)) continue;
      const lines = (await Deno.readTextFile(join(this.operator.folder, name))).split("\n");
      for (const line of lines) this.ledger.report(line);
    }
    checkCounts(await this.withSql((sql) => this.ledger.count(sql, [])), this.ledger.attempted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batch?.close();
    await Promise.all(this.operator.running.map((name) => this.operator.end(name, "KILL")));
    await this.servers[Symbol.asyncDispose]();
    await Deno.remove(this.programs, { recursive: true });
  }
}

function inDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href;
}
