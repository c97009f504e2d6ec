/** A whole system of its own that an operator looks after: servers, members, a clone of the project, and what is published. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { Channel } from "amqplib";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { eventToJson } from "../../../shared/event/json.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { Batch, makeEvents, queues } from "../../harness/batch.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateServers } from "../../harness/private_servers.ts";
import { project } from "../../harness/world.ts";
import { Session } from "../../../shared/postgres/session.ts";
import { Operator } from "./operator.ts";

/** Short enough that a test sees the end of each wait. */
const times = {
  RATES_TTL_MS: "1500",
  RATES_CALL_TIMEOUT_MS: "1000",
  RATES_LOCK_TTL_MS: "2000",
  RATES_WAIT_MS: "4000",
  DATABASE_TIMEOUT_MS: "3000",
};

const settleTimeoutMs = 40_000;
const pauseMs = 100;

export class System implements AsyncDisposable {
  readonly ledger = new Ledger();
  #batch: Batch | undefined;
  /** Subscribers run with other settings than those of casino.env. */
  differs = false;

  private constructor(
    readonly servers: PrivateServers,
    readonly operator: Operator,
    readonly env: Readonly<Record<string, string>>,
    private readonly programs: string,
  ) {}

  /**
   * @param beforeEach what the documents have an operator type first
   * @param more settings for casino.env
   */
  static async start(beforeEach: string, more: Readonly<Record<string, string>> = {}): Promise<System> {
    const servers = await PrivateServers.start();
    const programs = await Deno.makeTempDir({ prefix: "casino-path-" });
    const clone = servers.checkout.project;
    const files = await runProgram("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
      cwd: project,
    });
    for (const file of files.split("\0").filter(Boolean)) {
      await Deno.mkdir(join(clone, file, ".."), { recursive: true });
      await Deno.copyFile(join(project, file), join(clone, file));
    }
    const operator = new Operator(clone, programs, beforeEach);
    const admin = await servers.superuserUrl();
    const env = {
      ...servers.direct,
      DATABASE_ADMIN_URL: admin,
      DATABASE_SERVER_URL: inDatabase(admin, "postgres"),
      DATABASE_RESTORE_URL: inDatabase(admin, "casino_restored"),
      RATES_API_ADDRESS: `127.0.0.1:${freePort()}`,
      RATES_API_KEY: "a-key-of-the-test",
      HTTP: `127.0.0.1:${freePort()}`,
      ...times,
      ...more,
    };
    const system = new System(servers, operator, env, programs);
    await system.configure({});
    await operator.shadow("deno", `exec '${Deno.execPath()}' "$@"`);
    // `deno task up` is to bring back what it has started: from packages, whether an engine answers or not.
    await operator.shadow("docker", "exit 1");
    return system;
  }

  /** RabbitMQ's command line tools find the broker by a port that a start of it may have moved. */
  async pointTools(): Promise<void> {
    for (const tool of ["rabbitmqctl", "rabbitmq-diagnostics"]) {
      // While no broker runs there is nothing to point at.
      const script = await this.servers.checkout.rabbitmqScript(tool).catch(() => undefined);
      if (script !== undefined) await this.operator.shadow(tool, script);
    }
  }

  /** Writes casino.env. @param more settings for members that start from now on */
  async configure(more: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries({ ...this.env, ...more }).map(([name, value]) => `${name}='${value}'\n`);
    await Deno.writeTextFile(join(this.operator.folder, "casino.env"), lines.join(""));
  }

  /** Good events, of which the ledger knows. */
  async publish(count: number): Promise<void> {
    // The exchange is there since the first subscriber was.
    this.#batch ??= new Batch(this.servers.direct.RABBITMQ_URL, this.ledger);
    await this.#batch.publish(count);
  }

  /** As the superuser, whoever owns the tables. */
  async withSql<T>(use: (sql: Session) => Promise<T>): Promise<T> {
    await using sql = new Session(this.env["DATABASE_ADMIN_URL"]!, { name: "casino-test" });
    return await use(sql);
  }

  /** A file for the publisher, whose events the ledger counts on. */
  async writeEvents(name: string, count: number): Promise<void> {
    let lines = "";
    for (const { messageId, event } of makeEvents(9, 9_000_000n).take(count)) {
      this.ledger.attempt({ messageId, event, reason: undefined });
      this.ledger.confirm(messageId);
      lines += `${JSON.stringify(eventToJson(event))}\n`;
    }
    await Deno.writeTextFile(join(this.operator.folder, name), lines);
  }

  async withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const connection = await openConnection({ url: this.servers.direct.RABBITMQ_URL, name: "casino-test" });
    try {
      const channel = await connection.createChannel();
      // It is closed when a queue is not there yet; whoever asked is told by its promise.
      channel.on("error", () => {});
      const result = await use(channel);
      // The close of the connection alone overtakes what was published.
      await channel.close();
      return result;
    } finally {
      await connection.close();
    }
  }

  /** Subscriber 1, which serves HTTP, and subscriber 2, as operations.md starts them; those that run already stay. @param first has variables in the end */
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

  /** 0 when there is no queue yet. */
  async consumers(): Promise<number> {
    const ask = async (channel: Channel) => (await channel.checkQueue(queues.EVENTS_QUEUE)).consumerCount;
    return await this.withChannel(ask).catch(() => 0);
  }

  async messagesIn(queue: string): Promise<number> {
    return await this.withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  }

  async rows(): Promise<number> {
    return await this.withSql(async (sql) =>
      (await sql.one<{ rows: number }>("select count(*)::int as rows from events")).rows
    );
  }

  /** Every event that was published is a row, once; nothing waits, and no dead letter is left. */
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

  /** The same, to the last field and total; and each event is in what the subscribers wrote to stdout. */
  async checkLedger(): Promise<void> {
    for await (const { name } of Deno.readDir(this.operator.folder)) {
      if (!/^events-\d\.ndjson$/.test(name)) continue;
      const lines = (await Deno.readTextFile(join(this.operator.folder, name))).split("\n");
      for (const line of lines) this.ledger.report(line);
    }
    const { problems, ...counts } = await this.withSql((sql) => this.ledger.count(sql, []));
    deepStrictEqual(problems, []);
    const { attempted: all } = this.ledger;
    const none = { dead: 0, lost: 0, unexpected: 0, duplicated: 0, unreported: 0 };
    deepStrictEqual(counts, { attempted: all, confirmed: all, stored: all, ...none });
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
