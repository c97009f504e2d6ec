/** A real broker's queues and a table for their dead letters, for one test; both are removed afterwards. */
import { Buffer } from "node:buffer";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { deadLetterExchangeOf } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { systemRandom as random } from "../../shared/runtime/random.ts";
import { DeadLetterKeeper, type KeeperOptions } from "../../subscriber/dead_letters/keeper/keeper.ts";
import { KeeperState } from "../../subscriber/dead_letters/keeper/keeper_state.ts";
import { LetterClaims } from "../../subscriber/dead_letters/claims.ts";
import { LetterTable } from "../../subscriber/dead_letters/letter_table.ts";
import { TableDeadLetterAdmin } from "../../subscriber/dead_letters/table_admin.ts";
import { declare, eventually, type TestQueues, withTestQueues } from "./test_queues.ts";
import { withTestSchema } from "./test_schema.ts";

export interface TestLetters {
  readonly queues: TestQueues;
  readonly sql: Session;
  readonly database: DatabasePool;
  readonly table: LetterTable;
  readonly claims: LetterClaims;
  readonly admin: TableDeadLetterAdmin;
  startKeeper(changes?: Partial<KeeperOptions>): DeadLetterKeeper;
  /** Number of letters in the table. */
  rows(): Promise<number>;
  /** Resolves when this many letters are in the table. */
  untilKept(count: number): Promise<void>;
}

export const actor = "the test";

/** @param use the keepers that it starts, and the admin, are closed afterwards */
export async function withTestLetters(
  use: (letters: TestLetters) => Promise<void>,
): Promise<void> {
  await withTestSchema((sql, url) =>
    withTestQueues(async (queues) => {
      const { events, dead, broker } = queues;
      await declare(queues);
      const database = new DatabasePool(url, { name: "casino-test", max: 4, timeoutMs: 10_000, clock });
      const table = new LetterTable(database);
      const names = { EVENTS_EXCHANGE: events, EVENTS_QUEUE: events, DEAD_LETTER_QUEUE: dead };
      const config = { RABBITMQ_URL: broker.url, ...names };
      const admin = new TableDeadLetterAdmin({ database, config, name: actor, clock, random });
      const keepers: DeadLetterKeeper[] = [];
      const rows = async () => (await sql.one<{ rows: number }>("select count(*)::int as rows from dead_letters")).rows;
      try {
        await use({
          ...{ queues, sql, database, table, claims: new LetterClaims(database), admin, rows },
          startKeeper(changes = {}) {
            const state = new KeeperState(dead);
            const keeper = new DeadLetterKeeper({ ...broker, queue: dead, table, state, ...changes });
            keepers.push(keeper);
            return keeper;
          },
          async untilKept(count) {
            await eventually(`${count} letters in the table`, async () => await rows() === count || undefined);
          },
        });
      } finally {
        await Promise.all(keepers.map((keeper) => keeper.close()));
        await admin.close();
        await database.close();
      }
    })
  );
}

/** Publishes the letters to the dead letter queue, in this order. */
export function publishDead({ channel, dead }: TestQueues, letters: readonly Delivery[]): void {
  for (const { messageId, body, headers, appId, timestampMs } of letters) {
    const timestamp = timestampMs! / 1_000;
    channel.publish(deadLetterExchangeOf(dead), "", Buffer.from(body), {
      messageId,
      headers,
      appId: appId!,
      timestamp,
      persistent: true,
    });
  }
}
