/** A subscriber's flow over a real Postgres; a test alters the tables while the flow's connections are open. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { Event } from "../../shared/event/event.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { Delivery, EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { MemoryQueue } from "../../shared/rabbitmq/memory_queue.ts";
import { type Clock, systemClock as clock } from "../../shared/runtime/clock.ts";
import { seededRandom } from "../../shared/runtime/random.ts";
import { createSubscriber } from "../../subscriber/create_subscriber.ts";
import type { Enriched } from "../../subscriber/enriched/enriched.ts";
import { jsonLine } from "../../subscriber/enriched/json_line.ts";
import { DatabaseGate } from "../../subscriber/pipeline/database_gate.ts";
import { Stats } from "../../subscriber/pipeline/stats.ts";
import { PostgresPlayers } from "../../subscriber/store/postgres_players.ts";
import { PostgresStore } from "../../subscriber/store/postgres_store.ts";
import { bet, deliveryOf, gameStart, someRates } from "../fixtures/deliveries.ts";
import { eventually } from "../fixtures/eventually.ts";
import { edgesTo, longLivedRates } from "../fixtures/memory_edges.ts";
import { RecordedLog } from "../fixtures/recorded_telemetry.ts";
import { withTestSchema } from "./test_schema.ts";

export class Subscriber {
  readonly queue = new MemoryQueue();
  readonly gate = new DatabaseGate(clock);
  readonly stats = new Stats();
  readonly reported: Enriched[] = [];
  readonly #over = new AbortController();
  readonly #settling: Promise<unknown>[] = [];

  constructor(readonly sql: Session, readonly url: string) {}

  /** Publishes the events, and waits until each is settled. */
  settle(...events: readonly (Event | Delivery)[]): Promise<true> {
    this.queue.publish(...events.map((event) => "body" in event ? event : deliveryOf(event)));
    const settled = eventually("all is settled", () => {
      this.#over.signal.throwIfAborted();
      return this.queue.ready + this.queue.unsettled === 0;
    });
    this.#settling.push(settled);
    return settled;
  }

  /** Ends the waits of a test that failed before it awaited them: they would run on in the next tests. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#settling);
  }

  async rows(): Promise<number> {
    return (await this.sql.one<{ rows: number }>("select count(*)::int as rows from events")).rows;
  }

  /** The reason and detail of each dead letter. */
  get letters(): string[] {
    return this.queue.dead.map(({ outcome: { reason, detail } }) => `${reason}: ${detail}`);
  }

  /** Asserts that the stored, counted and reported events are the same. */
  async check(stored: number): Promise<void> {
    strictEqual(await this.rows(), stored);
    const { counted } = await this.sql.one("select coalesce(sum(events), 0)::int as counted from event_counts_now");
    const { bets } = await this.sql.one(`select coalesce((select sum(bets) from player_totals_now), 0) =
      (select count(*) from events where type = 'bet') as bets`);
    const ids = await this.sql.query<{ id: string }>("select message_id as id from events order by 1");
    deepStrictEqual([this.stats.stored, counted, bets], [stored, stored, true]);
    deepStrictEqual([...new Set(this.reported.map(({ messageId }) => messageId))].sort(), ids.map(({ id }) => id));
  }
}

export interface Options {
  readonly batchSize?: number;
  /** DATABASE_TIMEOUT_MS */
  readonly timeoutMs?: number;
  /** Factor by which the flow's clock runs faster: events in doubt are held repeatedly. */
  readonly speed?: number;
}

function clockOf(speed: number): Clock {
  return {
    now: clock.now,
    monotonic: () => clock.monotonic() * speed,
    sleep: (ms, signal) => clock.sleep(ms / speed, signal),
  };
}

/** @param alter SQL that runs after a valid event is stored, while the subscriber's connections are open */
export function test(
  what: string,
  alter: string,
  use: (subscriber: Subscriber) => Promise<void>,
  options: Options = {},
): void {
  Deno.test(what, () =>
    withTestSchema(async (sql, url) => {
      const subscriber = new Subscriber(sql, url);
      await whileItRuns(subscriber, subscriber.queue, async () => {
        await subscriber.settle(gameStart());
        await sql.query(alter);
        await use(subscriber);
      }, options);
    }));
}

/** @param queue the subscriber's queue, or another one */
export async function whileItRuns(
  subscriber: Subscriber,
  queue: EventQueue,
  use: () => Promise<void>,
  { batchSize = 500, timeoutMs = 10_000, speed = 1 }: Options = {},
): Promise<void> {
  const { url, gate, stats, reported } = subscriber;
  const pool = new DatabasePool(url, { name: "casino-test", max: 2, timeoutMs, clock });
  const [stop, abandon] = [new AbortController(), new AbortController()];
  const { runner } = createSubscriber({
    ...{ queue, players: new PostgresPlayers(pool), store: new PostgresStore(pool, "s") },
    ...edgesTo(someRates, clock),
  }, {
    ...{ subscriberId: "s", batchSize, ratesTimes: longLivedRates, stats, gate },
    ...{ clock: clockOf(speed), random: seededRandom(1), log: new RecordedLog(), abandon: abandon.signal },
    // deno-lint-ignore require-await -- a throw must reject, as that of the real report does
    async report(events) {
      for (const enriched of events) jsonLine(enriched);
      reported.push(...events);
    },
  });
  const running = runner.run(stop.signal, abandon.signal);
  try {
    await use();
  } finally {
    stop.abort();
    abandon.abort();
    await subscriber.end();
    await running.finally(() => pool.close());
  }
}

/**
 * SQL of a trigger that locks the player of each event in the table `locks`, as a trigger of the casino's own may. It is
 * deferred: so the wait for the lock begins with a statement, and ends by `lock_timeout`, not by `statement_timeout`.
 */
export const lockingPlayers = `create table locks (player_id bigint primary key);
  create function lock_player() returns trigger language plpgsql as $$ begin
    perform from locks where player_id = new.player_id for update; return null; end $$;
  create constraint trigger lock_player after insert on events deferrable initially deferred
    for each row execute function lock_player();`;

export const many = (count: number) => Array.from({ length: count }, (_, i) => bet({ id: BigInt(1_000 + i) }));

/** Waits until the batch was refused three times for this reason. The server may have had other reasons before. */
export async function isHeld({ gate }: Subscriber, reason: RegExp): Promise<void> {
  await eventually("the batch is held", () => gate.refusals >= 3 && reason.test(gate.problem ?? ""))
    .catch(() => match(gate.problem ?? "", reason));
}
