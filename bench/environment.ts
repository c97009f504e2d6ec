/** The benchmark's own servers, started fresh, with the project's tables and a million players in them. */
import { join } from "node:path";
import type { Channel, ChannelModel } from "amqplib";
import { Checkout } from "../tests/harness/checkout.ts";
import { openConnection } from "../shared/rabbitmq/connection.ts";
import { ensureTopology, eventTopology } from "../shared/rabbitmq/topology.ts";
import { systemClock } from "../shared/runtime/clock.ts";
import { type Config, readConfig } from "../shared/runtime/configuration/config.ts";
import { Session } from "../shared/postgres/session.ts";
import { freePort } from "../tools/demo/members.ts";
import { catalogue } from "../tools/migrate/catalogue.ts";
import { migrateUp } from "../tools/migrate/migrator.ts";
import { delay, type ServerName } from "../tools/services/server.ts";
import { Program, project } from "./program.ts";

/** Players in the table `players`. Their ids begin at 10, like those that the publisher draws. */
export const mostPlayers = 1_000_000;

/** One statement copies or counts millions of rows. */
export const longestQueryMs = 1_800_000;
const heldBackTimeoutMs = 600_000;
const leaveTimeoutMs = 10_000;
/** Each poll costs what is being measured, so polls are rare until the last events. */
const [pollMs, lastPollsMs] = [200, 5] as const;

export class Environment implements AsyncDisposable {
  /** Environments by schema. */
  readonly #within = new Map<string, Environment>();

  private constructor(
    private readonly checkout: Checkout,
    readonly env: Readonly<Record<string, string>>,
    readonly config: Pick<Config, "EVENTS_EXCHANGE" | "EVENTS_QUEUE" | "DEAD_LETTER_QUEUE">,
    readonly sql: Session,
    readonly superuser: Session,
    readonly superuserUrl: string,
    private readonly broker: ChannelModel,
    readonly channel: Channel,
  ) {}

  static async start(): Promise<Environment> {
    const checkout = await Checkout.make();
    try {
      await checkout.up();
      const { DATABASE_URL, RABBITMQ_URL } = checkout.config;
      const config = readConfig(["EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"], () => undefined);
      const rates = { RATES_API_ADDRESS: `127.0.0.1:${freePort()}`, RATES_CONTROL_KEY: "key-of-the-benchmarks" };
      const env = { ...checkout.config, ...rates, LOG_LEVEL: "info" };
      const sql = openSession(DATABASE_URL);
      const asSuperuser = await checkout.superuserUrl();
      const superuser = openSession(asSuperuser);
      await migrateUp({ sql, catalogue, clock: systemClock, say: () => {} });
      await sql.query(`insert into players (id, email, last_signed_in_at)
        select id, 'player' || id || '@example.com', timestamptz '2022-01-01' + id * interval '1 second'
        from generate_series(10, ${9 + mostPlayers}) as id
        on conflict (id) do nothing`);
      await superuser.query("vacuum analyze players");
      const broker = await openConnection({ url: RABBITMQ_URL, name: "casino-bench" });
      await ensureTopology(broker, eventTopology(config));
      return new Environment(checkout, env, config, sql, superuser, asSuperuser, broker, await broker.createChannel());
    } catch (error) {
      await checkout[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startRatesApi(...args: string[]): Promise<Program> {
    const ratesApi = new Program({ program: { task: "rates-api" }, args, env: this.env });
    await ratesApi.until("rates_api.ready");
    return ratesApi;
  }

  async pidOf(name: ServerName): Promise<number> {
    const { state } = await this.checkout.folder();
    return state.processes.findLast((each) => each.name === name)!.pid;
  }

  /**
   * Returns an environment on the same servers with tables `events` and totals of its own.
   * @param schema the name of the schema, which the first call creates
   */
  async within(schema: string): Promise<Environment> {
    const there = this.#within.get(schema);
    if (there) return there;
    const urlOf = (searchPath: string) => {
      const url = new URL(this.env["DATABASE_URL"]!);
      url.searchParams.set("search_path", searchPath);
      return url.href;
    };
    await this.sql.query(`create schema ${schema}`);
    await using owner = openSession(urlOf(schema));
    await migrateUp({ sql: owner, catalogue, clock: systemClock, say: () => {} });
    await owner.query("drop table players");
    const DATABASE_URL = urlOf(`${schema},public`);
    const env = { ...this.env, DATABASE_URL };
    const { checkout, config, superuser, superuserUrl, broker, channel } = this;
    const sql = openSession(DATABASE_URL);
    const environment = new Environment(checkout, env, config, sql, superuser, superuserUrl, broker, channel);
    this.#within.set(schema, environment);
    return environment;
  }

  /**
   * Empties the queues, the events and the totals, and finishes the writes of earlier runs.
   * @param keep whether the events stay; the totals are emptied all the same
   */
  async reset({ keep = false } = {}): Promise<void> {
    await this.#untilLeft();
    await this.channel.purgeQueue(this.config.EVENTS_QUEUE);
    await this.channel.purgeQueue(this.config.DEAD_LETTER_QUEUE);
    await this.sql.query(`truncate batch_totals, player_totals, player_leaders, event_counts${keep ? "" : ", events"}`);
    // Otherwise the broker's log fills up in about every fifth run: messages then come from disk, at three times the
    // cost, and spoil the comparison.
    await this.checkout.rabbitmqctl("eval", "ra_log_wal:force_roll_over(ra_log_wal).");
    await this.settle();
  }

  /** Waits until the broker has dropped every killed consumer and requeued its unsettled deliveries. */
  async #untilLeft(): Promise<void> {
    const giveUpAt = performance.now() + leaveTimeoutMs;
    while ((await this.channel.checkQueue(this.config.EVENTS_QUEUE)).consumerCount > 0) {
      if (performance.now() > giveUpAt) throw new Error("a consumer of the previous run is still connected");
      await delay(20);
    }
  }

  /** Forces a checkpoint, so that no run pays for the writes of an earlier run. */
  async settle(): Promise<void> {
    await this.superuser.query("checkpoint");
  }

  /** Publishes generated events with confirms. */
  async publish(count: number, players: number, seed: number): Promise<void> {
    await this.#publisher("--count", String(count), "--players", String(players), "--seed", String(seed));
  }

  /** Publishes events given as lines of JSON. */
  async publishLines(lines: readonly string[]): Promise<void> {
    const file = await Deno.makeTempFile({ prefix: "casino-bench-" });
    try {
      await Deno.writeTextFile(file, lines.join("\n"));
      await this.#publisher("--input", file);
    } finally {
      await Deno.remove(file);
    }
  }

  async #publisher(...args: string[]): Promise<void> {
    await using publisher = new Program({ program: { task: "publisher" }, args, env: this.env });
    await publisher.end();
  }

  async rows(): Promise<number> {
    return (await this.sql.one<{ rows: number }>("select count(*)::int as rows from events")).rows;
  }

  /** Returns how many events the totals count as stored, which is cheap to query: two rows for each second. */
  async stored(): Promise<number> {
    const { stored } = await this.sql.one<{ stored: number }>(
      "select coalesce(sum(events), 0)::int as stored from event_counts_now",
    );
    return stored;
  }

  /** @param onProgress called with the number of stored events after each poll */
  async untilStored(count: number, onProgress: (stored: number) => void = () => {}): Promise<void> {
    const giveUpAt = performance.now() + heldBackTimeoutMs;
    const begun = performance.now();
    for (let stored = await this.stored(), first = stored; stored < count;) {
      const now = performance.now();
      if (now > giveUpAt) throw new Error(`${stored} of ${count} stored in ${heldBackTimeoutMs} ms`);
      const leftMs = (count - stored) * (now - begun) / (stored - first);
      const waitMs = Number.isFinite(leftMs) ? Math.min(pollMs, Math.max(lastPollsMs, leftMs / 2)) : lastPollsMs;
      await delay(waitMs);
      stored = await this.stored();
      onProgress(stored);
    }
  }

  /**
   * Checks that each event is stored once, in rows and in totals, and that the queues are empty.
   * @param totals whether totals are kept of all that is stored
   * @param counted how many of the events the counts include, when not all or none
   * @throws when a check fails, so that the run yields no figures
   */
  async check(
    count: number,
    { totals = true, counted = totals ? count : undefined }: { totals?: boolean; counted?: number } = {},
  ): Promise<void> {
    const problems: string[] = [];
    const expect = (what: string, seen: unknown, right: unknown) => {
      if (seen !== right) problems.push(`${what}: ${seen}, not ${right}`);
    };
    // Message ids are the primary key, so each row has another one.
    expect("rows", await this.rows(), count);
    for (const queue of [this.config.EVENTS_QUEUE, this.config.DEAD_LETTER_QUEUE]) {
      expect(`messages in ${queue}`, (await this.channel.checkQueue(queue)).messageCount, 0);
    }
    if (counted !== undefined) expect("events counted", await this.stored(), counted);
    if (totals) {
      const { players } = await this.sql.one(`
        select count(*)::int as players from (
          select player_id, count(*) filter (where type = 'bet') as bets, count(*) filter (where has_won) as wins,
            coalesce(sum(amount_eur) filter (where type = 'deposit'), 0) as deposits_eur
          from events where type in ('bet', 'deposit') group by 1
        ) as right_ones full join player_totals_now as kept using (player_id)
        where (right_ones.bets, right_ones.wins, right_ones.deposits_eur)
          is distinct from (kept.bets, kept.wins, kept.deposits_eur)`);
      expect("players with wrong totals", players, 0);
    }
    if (problems.length > 0) throw new Error(`Not every event was stored once: ${problems.join("; ")}`);
  }

  async versions(): Promise<Record<string, string>> {
    const { server_version } = await this.sql.one<{ server_version: string }>("show server_version");
    const { version } = this.broker.connection.serverProperties as { version: string };
    const { imports } = JSON.parse(await Deno.readTextFile(join(project, "deno.json")));
    const clients = ["amqplib", "pg", "rabbitmq-client"];
    return {
      deno: Deno.version.deno,
      rabbitmq: version,
      postgres: server_version.split(" ")[0]!,
      ...Object.fromEntries(clients.map((name) => [`npm:${name}`, imports[name].split("@").at(-1)])),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sql } of this.#within.values()) await sql.close();
    await this.sql.close();
    await this.superuser.close();
    await this.broker.close();
    await this.checkout[Symbol.asyncDispose]();
  }
}

function openSession(url: string): Session {
  return new Session(url, { name: "casino-bench", timeoutMs: longestQueryMs });
}
